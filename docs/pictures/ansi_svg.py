#!/usr/bin/env python3
"""A terminal's screen, as `tmux capture-pane -e -p` gives it, as an SVG: ansi_svg.py WIDTH <screen >picture.svg"""
import html
import re
import sys

CELL, LINE, PAD, TOP = 8.4, 18, 14, 34
BACK, FRONT, DIM = "#14171a", "#dfe4e8", "#8a949e"
COLOURS = {31: "#ff7b72", 32: "#7ee787", 33: "#e3b341", 36: "#56d4dd", 37: "#ffffff"}
BACKS = {41: "#a8322d"}


def runs(line):
    """(text, colour, background, bold) of each stretch of one look."""
    state = dict.fromkeys(("bold", "dim", "reverse", "fg", "bg"))
    for part in re.split(r"(\x1b\[[\d;]*m)", line):
        if not part.startswith("\x1b"):
            if part:
                fg, bg = state["fg"] or (DIM if state["dim"] else FRONT), state["bg"]
                if state["reverse"]:
                    fg, bg = BACK, FRONT
                yield part, fg, bg, state["bold"]
            continue
        for code in (int(c or 0) for c in part[2:-1].split(";")):
            if code == 0:
                state = dict.fromkeys(state)
            elif code in (1, 2, 7):
                state[{1: "bold", 2: "dim", 7: "reverse"}[code]] = True
            elif code == 22:
                state["bold"] = state["dim"] = None
            elif code == 27:
                state["reverse"] = None
            elif code in COLOURS or code == 39:
                state["fg"] = COLOURS.get(code)
            elif code in BACKS or code == 49:
                state["bg"] = BACKS.get(code)


def main():
    width = int(sys.argv[1])
    lines = sys.stdin.read().rstrip("\n").split("\n")
    w, h = width * CELL + 2 * PAD, len(lines) * LINE + TOP + PAD
    out = ['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %g %g" width="%g" height="%g">' % (w, h, w, h),
           '<rect width="100%%" height="100%%" rx="9" fill="%s"/>' % BACK]
    out += ['<circle cx="%d" cy="17" r="5.5" fill="%s"/>' % (20 + 19 * i, c)
            for i, c in enumerate(("#ff5f57", "#febc2e", "#28c840"))]
    out.append('<g font-family="ui-monospace,SFMono-Regular,Menlo,Consolas,\'DejaVu Sans Mono\',monospace" font-size="14" '
               'xml:space="preserve">')
    for row, line in enumerate(lines):
        column, y = 0, TOP + row * LINE
        for text, fg, bg, bold in runs(line):
            x, long = PAD + column * CELL, len(text) * CELL
            column += len(text)
            if bg:
                out.append('<rect x="%g" y="%g" width="%g" height="%d" fill="%s"/>' % (x, y, long, LINE, bg))
            bare = text.strip()
            if not bare:
                continue
            # Each word where it stands in the terminal, whatever font is there.
            for m in re.finditer(r"\S+(?: \S+)*", text):
                out.append('<text x="%g" y="%g" textLength="%g" fill="%s"%s>%s</text>'
                           % (x + m.start() * CELL, y + 13.5, len(m.group()) * CELL, fg,
                              ' font-weight="700"' if bold else "", html.escape(m.group())))
    out += ["</g>", "</svg>"]
    print("\n".join(out))


main()
