"""Makes a sequence that differs as short as it gets: steps leave as long as something still differs, then operations of batches and
multis, then options."""


def shrink(steps, differs_at, budget=300):
    """differs_at(steps) gives the first step that differs, None when none does; called `budget` times at most."""
    left = [budget]

    def still(candidate):
        if left[0] <= 0 or not candidate:
            return None
        left[0] -= 1
        at = differs_at(candidate)
        return None if at is None else candidate[:at + 1]
    size = max(1, len(steps) // 2)
    while size >= 1:
        at, removed = 0, False
        while at < len(steps):
            shorter = still(steps[:at] + steps[at + size:])
            if shorter is not None:
                steps, removed = shorter, True
            else:
                at += size
        if size == 1 and not removed:
            break
        size = size // 2 if size > 1 else (1 if removed else 0)
    for k in range(len(steps)):
        steps = thin(steps, k, still)
    return steps


def thin(steps, k, still):
    """The k-th step with fewer parts, if it has parts."""
    if k >= len(steps) or steps[k][1] not in ("batch", "multi", "multiRead"):
        return steps
    part = 2
    while k < len(steps) and part < len(steps[k]):
        step = steps[k][:part] + steps[k][part + 1:]
        shorter = still(steps[:k] + [step] + steps[k + 1:]) if len(step) > 2 else None
        if shorter is not None:
            steps = shorter
        else:
            part += 1
    return steps
