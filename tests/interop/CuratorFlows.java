// Curator's framework and recipes, each once, against a live ensemble: java CuratorFlows HOST:PORT,HOST:PORT,HOST:PORT
//
// Prints a line of TAP for each flow. Wants extendedTypesEnabled=true of the servers.

import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.CuratorFrameworkFactory;
import org.apache.curator.framework.api.CuratorWatcher;
import org.apache.curator.framework.api.transaction.CuratorTransactionResult;
import org.apache.curator.framework.recipes.atomic.DistributedAtomicLong;
import org.apache.curator.framework.recipes.barriers.DistributedBarrier;
import org.apache.curator.framework.recipes.barriers.DistributedDoubleBarrier;
import org.apache.curator.framework.recipes.cache.ChildData;
import org.apache.curator.framework.recipes.cache.CuratorCache;
import org.apache.curator.framework.recipes.cache.CuratorCacheListener;
import org.apache.curator.framework.recipes.leader.LeaderLatch;
import org.apache.curator.framework.recipes.leader.LeaderSelector;
import org.apache.curator.framework.recipes.leader.LeaderSelectorListenerAdapter;
import org.apache.curator.framework.recipes.locks.InterProcessMutex;
import org.apache.curator.framework.recipes.locks.InterProcessReadWriteLock;
import org.apache.curator.framework.recipes.locks.InterProcessSemaphoreV2;
import org.apache.curator.framework.recipes.locks.Lease;
import org.apache.curator.framework.recipes.nodes.GroupMember;
import org.apache.curator.framework.recipes.nodes.PersistentNode;
import org.apache.curator.framework.recipes.nodes.PersistentTtlNode;
import org.apache.curator.framework.recipes.queue.DistributedQueue;
import org.apache.curator.framework.recipes.queue.QueueBuilder;
import org.apache.curator.framework.recipes.queue.QueueConsumer;
import org.apache.curator.framework.recipes.queue.QueueSerializer;
import org.apache.curator.framework.recipes.shared.SharedCount;
import org.apache.curator.framework.recipes.watch.PersistentWatcher;
import org.apache.curator.framework.state.ConnectionState;
import org.apache.curator.retry.RetryNTimes;
import org.apache.curator.retry.RetryOneTime;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.KeeperException;
import org.apache.zookeeper.WatchedEvent;
import org.apache.zookeeper.Watcher;
import org.apache.zookeeper.ZooDefs;
import org.apache.zookeeper.ZooKeeper;
import org.apache.zookeeper.data.Stat;

public class CuratorFlows {
    private static final int DEADLINE_S = 30;
    private static String hosts;

    private interface Flow {
        void run(CuratorFramework zk) throws Exception;
    }

    private static CuratorFramework connect() throws Exception {
        CuratorFramework zk = CuratorFrameworkFactory.builder().connectString(hosts).sessionTimeoutMs(10000)
                .connectionTimeoutMs(10000).retryPolicy(new RetryOneTime(100)).build();
        zk.start();
        check(zk.blockUntilConnected(DEADLINE_S, TimeUnit.SECONDS), "connected");
        return zk;
    }

    private static void check(boolean holds, String what) {
        if (!holds) throw new AssertionError(what);
    }

    private static void await(CountDownLatch latch, String what) throws Exception {
        check(latch.await(DEADLINE_S, TimeUnit.SECONDS), "in time: " + what);
    }

    private static <T> T take(BlockingQueue<T> q, String what) throws Exception {
        T t = q.poll(DEADLINE_S, TimeUnit.SECONDS);
        check(t != null, "in time: " + what);
        return t;
    }

    private static byte[] bytes(String s) {
        return s.getBytes(StandardCharsets.UTF_8);
    }

    static void znodes(CuratorFramework zk) throws Exception {
        check(zk.create().creatingParentsIfNeeded().forPath("/z/a/b", bytes("1")).equals("/z/a/b"), "path");
        check(zk.create().orSetData().forPath("/z/a/b", bytes("2")).equals("/z/a/b"), "orSetData");
        Stat st = new Stat();
        check(new String(zk.getData().storingStatIn(st).forPath("/z/a/b")).equals("2") && st.getVersion() == 1, "data");
        zk.setData().withVersion(1).forPath("/z/a/b", bytes("3"));
        zk.create().creatingParentContainersIfNeeded().withMode(CreateMode.EPHEMERAL_SEQUENTIAL).forPath("/z/box/e-");
        check(zk.getChildren().forPath("/z/box").get(0).equals("e-0000000000"), "sequence");
        String protectedPath = zk.create().withProtection().withMode(CreateMode.PERSISTENT_SEQUENTIAL).forPath("/z/p-");
        check(protectedPath.matches("/z/_c_.*-p-000000000\\d"), protectedPath);
        zk.create().withTtl(600000).withMode(CreateMode.PERSISTENT_WITH_TTL).forPath("/z/ttl");
        zk.setACL().withACL(ZooDefs.Ids.READ_ACL_UNSAFE).forPath("/z/ttl");
        check(zk.getACL().forPath("/z/ttl").equals(ZooDefs.Ids.READ_ACL_UNSAFE), "acl");
        zk.sync().forPath("/z");
        zk.delete().guaranteed().deletingChildrenIfNeeded().forPath("/z");
        check(zk.checkExists().forPath("/z") == null, "gone");
    }

    static void background(CuratorFramework zk) throws Exception {
        CountDownLatch done = new CountDownLatch(3);
        zk.create().inBackground((c, e) -> done.countDown()).forPath("/bg");
        zk.setData().inBackground((c, e) -> done.countDown()).forPath("/bg", bytes("x"));
        zk.delete().inBackground((c, e) -> done.countDown()).forPath("/bg");
        await(done, "three answers");
    }

    static void transactions(CuratorFramework zk) throws Exception {
        List<CuratorTransactionResult> all = zk.transaction().forOperations(
                zk.transactionOp().create().forPath("/tx", bytes("1")),
                zk.transactionOp().setData().withVersion(0).forPath("/tx", bytes("2")),
                zk.transactionOp().check().withVersion(1).forPath("/tx"),
                zk.transactionOp().delete().forPath("/tx"));
        check(all.size() == 4 && all.get(1).getResultStat().getVersion() == 1, "results");
        try {
            zk.transaction().forOperations(zk.transactionOp().create().forPath("/tx2"), zk.transactionOp().delete().forPath("/none"));
            check(false, "a multi that must fail");
        } catch (KeeperException.NoNodeException e) {
            check(zk.checkExists().forPath("/tx2") == null, "nothing of it done");
        }
    }

    static void watches(CuratorFramework zk) throws Exception {
        BlockingQueue<WatchedEvent> events = new LinkedBlockingQueue<>();
        zk.create().forPath("/wt");
        try (PersistentWatcher w = new PersistentWatcher(zk, "/wt", true)) {
            CountDownLatch set = new CountDownLatch(1);
            w.getListenable().addListener(events::add);
            w.getResetListenable().addListener(set::countDown);
            w.start();
            await(set, "addWatch");
            zk.create().forPath("/wt/1");
            zk.setData().forPath("/wt/1", bytes("x"));
            zk.delete().forPath("/wt/1");
            for (String want : new String[] {"NodeCreated", "NodeDataChanged", "NodeDeleted"})
                check(take(events, want).getType().toString().equals(want), want);
        }
        CountDownLatch once = new CountDownLatch(1);
        zk.getData().usingWatcher((CuratorWatcher) e -> once.countDown()).forPath("/wt");
        zk.setData().forPath("/wt", bytes("y"));
        await(once, "a watch");
        zk.checkExists().usingWatcher((Watcher) e -> {}).forPath("/wt");
        zk.watchers().removeAll().forPath("/wt");
    }

    static void cache(CuratorFramework zk) throws Exception {
        BlockingQueue<String> seen = new LinkedBlockingQueue<>();
        CountDownLatch ready = new CountDownLatch(1);
        zk.create().creatingParentsIfNeeded().forPath("/cache/a/b", bytes("1"));
        try (CuratorCache cache = CuratorCache.build(zk, "/cache")) {
            cache.listenable().addListener(CuratorCacheListener.builder().forInitialized(ready::countDown).afterInitialized()
                    .forCreates(n -> seen.add("create " + n.getPath())).forChanges((o, n) -> seen.add("change " + n.getPath()))
                    .forDeletes(n -> seen.add("delete " + n.getPath())).build());
            cache.start();
            await(ready, "the cache");
            check(cache.size() == 3 && new String(cache.get("/cache/a/b").map(ChildData::getData).get()).equals("1"), "contents");
            zk.create().forPath("/cache/c");
            check(take(seen, "create").equals("create /cache/c"), "create");
            zk.setData().forPath("/cache/a/b", bytes("2"));
            check(take(seen, "change").equals("change /cache/a/b"), "change");
            zk.delete().forPath("/cache/c");
            check(take(seen, "delete").equals("delete /cache/c"), "delete");
        }
    }

    static void locks(CuratorFramework zk) throws Exception {
        InterProcessMutex mutex = new InterProcessMutex(zk, "/mutex");
        mutex.acquire();
        mutex.acquire();
        ExecutorService other = Executors.newSingleThreadExecutor();
        Callable<Boolean> tries = () -> new InterProcessMutex(zk, "/mutex").acquire(50, TimeUnit.MILLISECONDS);
        check(!other.submit(tries).get(), "excluded");
        mutex.release();
        mutex.release();
        check(other.submit(tries).get(), "let in");
        InterProcessReadWriteLock rw = new InterProcessReadWriteLock(zk, "/rw");
        rw.readLock().acquire();
        check(other.submit(() -> new InterProcessReadWriteLock(zk, "/rw").readLock().acquire(5, TimeUnit.SECONDS)).get(), "two readers");
        check(!other.submit(() -> new InterProcessReadWriteLock(zk, "/rw").writeLock().acquire(50, TimeUnit.MILLISECONDS)).get(), "no writer");
        rw.readLock().release();
        other.shutdown();
        InterProcessSemaphoreV2 semaphore = new InterProcessSemaphoreV2(zk, "/semaphore", 2);
        Lease one = semaphore.acquire(), two = semaphore.acquire();
        check(semaphore.acquire(50, TimeUnit.MILLISECONDS) == null, "two leases");
        semaphore.returnLease(one);
        semaphore.returnLease(semaphore.acquire(DEADLINE_S, TimeUnit.SECONDS));
        semaphore.returnLease(two);
    }

    static void leaders(CuratorFramework zk) throws Exception {
        try (CuratorFramework other = connect(); LeaderLatch second = new LeaderLatch(other, "/latch", "2")) {
            try (LeaderLatch first = new LeaderLatch(zk, "/latch", "1")) {
                first.start();
                check(first.await(DEADLINE_S, TimeUnit.SECONDS), "led by 1");
                second.start();
                check(!second.await(50, TimeUnit.MILLISECONDS), "not by 2");
            }
            check(second.await(DEADLINE_S, TimeUnit.SECONDS) && second.getLeader().getId().equals("2"), "then by 2");
        }
        CountDownLatch turns = new CountDownLatch(3);
        try (LeaderSelector selector = new LeaderSelector(zk, "/selector", new LeaderSelectorListenerAdapter() {
            @Override
            public void takeLeadership(CuratorFramework c) {
                turns.countDown();
            }
        })) {
            selector.autoRequeue();
            selector.start();
            await(turns, "three turns");
        }
    }

    static void barriers(CuratorFramework zk) throws Exception {
        ExecutorService others = Executors.newFixedThreadPool(2);
        DistributedBarrier barrier = new DistributedBarrier(zk, "/barrier");
        barrier.setBarrier();
        Future<Boolean> waits = others.submit(() -> new DistributedBarrier(zk, "/barrier").waitOnBarrier(DEADLINE_S, TimeUnit.SECONDS));
        check(!new DistributedBarrier(zk, "/barrier").waitOnBarrier(50, TimeUnit.MILLISECONDS), "held");
        barrier.removeBarrier();
        check(waits.get(), "free");
        Callable<Boolean> both = () -> {
            DistributedDoubleBarrier b = new DistributedDoubleBarrier(zk, "/double", 2);
            return b.enter(DEADLINE_S, TimeUnit.SECONDS) && b.leave(DEADLINE_S, TimeUnit.SECONDS);
        };
        Future<Boolean> one = others.submit(both), two = others.submit(both);
        check(one.get() && two.get(), "in and out");
        others.shutdown();
    }

    static void counters(CuratorFramework zk) throws Exception {
        try (SharedCount a = new SharedCount(zk, "/count", 7); SharedCount b = new SharedCount(zk, "/count", 0)) {
            a.start();
            b.start();
            check(a.trySetCount(a.getVersionedValue(), 8), "set");
            check(!b.trySetCount(b.getVersionedValue(), 9) || b.getCount() == 9, "by version");
        }
        ExecutorService others = Executors.newFixedThreadPool(4);
        List<Future<Boolean>> done = new ArrayList<>();
        for (int i = 0; i < 4; i++)
            done.add(others.submit(() -> {
                DistributedAtomicLong n = new DistributedAtomicLong(zk, "/long", new RetryNTimes(1000, 1));
                for (int k = 0; k < 25; k++)
                    if (!n.increment().succeeded()) return false;
                return true;
            }));
        for (Future<Boolean> f : done) check(f.get(), "increments");
        others.shutdown();
        check(new DistributedAtomicLong(zk, "/long", new RetryOneTime(1)).get().postValue() == 100, "a hundred");
    }

    static void nodes(CuratorFramework zk) throws Exception {
        try (PersistentNode node = new PersistentNode(zk, CreateMode.EPHEMERAL, false, "/pn", bytes("x"))) {
            node.start();
            check(node.waitForInitialCreate(DEADLINE_S, TimeUnit.SECONDS), "made");
            zk.delete().forPath("/pn");
            for (long end = System.nanoTime() + DEADLINE_S * 1000000000L; zk.checkExists().forPath("/pn") == null; Thread.yield())
                check(System.nanoTime() < end, "made again");
        }
        try (PersistentTtlNode node = new PersistentTtlNode(zk, "/pttl", 600000, bytes("x"))) {
            node.start();
            check(node.waitForInitialCreate(DEADLINE_S, TimeUnit.SECONDS), "with a ttl");
        }
        try (GroupMember member = new GroupMember(zk, "/group", "me")) {
            member.start();
            for (long end = System.nanoTime() + DEADLINE_S * 1000000000L; !member.getCurrentMembers().containsKey("me"); Thread.yield())
                check(System.nanoTime() < end, "in the group");
        }
    }

    static void queue(CuratorFramework zk) throws Exception {
        BlockingQueue<String> got = new LinkedBlockingQueue<>();
        QueueSerializer<String> text = new QueueSerializer<String>() {
            @Override
            public byte[] serialize(String s) {
                return bytes(s);
            }

            @Override
            public String deserialize(byte[] b) {
                return new String(b, StandardCharsets.UTF_8);
            }
        };
        QueueConsumer<String> consumer = new QueueConsumer<String>() {
            @Override
            public void consumeMessage(String s) {
                got.add(s);
            }

            @Override
            public void stateChanged(CuratorFramework c, ConnectionState s) {}
        };
        try (DistributedQueue<String> q = QueueBuilder.builder(zk, consumer, text, "/queue").lockPath("/queue-lock").buildQueue()) {
            q.start();
            for (int i = 0; i < 20; i++) q.put("m" + i);
            for (int i = 0; i < 20; i++) check(take(got, "a message").equals("m" + i), "in order");
        }
    }

    static void lostSessions(CuratorFramework zk) throws Exception {
        BlockingQueue<ConnectionState> states = new LinkedBlockingQueue<>();
        try (CuratorFramework own = connect();
                PersistentNode node = new PersistentNode(own, CreateMode.EPHEMERAL, false, "/mine", bytes("x"))) {
            node.start();
            check(node.waitForInitialCreate(DEADLINE_S, TimeUnit.SECONDS), "made");
            own.getConnectionStateListenable().addListener((c, s) -> states.add(s));
            long id = own.getZookeeperClient().getZooKeeper().getSessionId();
            CountDownLatch end = new CountDownLatch(1);
            ZooKeeper thief = new ZooKeeper(hosts, 10000, e -> end.countDown(), id, own.getZookeeperClient().getZooKeeper().getSessionPasswd());
            await(end, "the session is taken over");
            thief.close();
            while (take(states, "LOST") != ConnectionState.LOST) continue;
            while (take(states, "RECONNECTED") != ConnectionState.RECONNECTED) continue;
            for (long until = System.nanoTime() + DEADLINE_S * 1000000000L;; Thread.yield()) {
                Stat st = own.checkExists().forPath("/mine");
                if (st != null && st.getEphemeralOwner() != id) break;
                check(System.nanoTime() < until, "made again by the new session");
            }
        }
    }

    public static void main(String[] args) throws Exception {
        hosts = args[0];
        Map<String, Flow> flows = new LinkedHashMap<>();
        flows.put("znodes", CuratorFlows::znodes);
        flows.put("background", CuratorFlows::background);
        flows.put("transactions", CuratorFlows::transactions);
        flows.put("watches", CuratorFlows::watches);
        flows.put("cache", CuratorFlows::cache);
        flows.put("locks", CuratorFlows::locks);
        flows.put("leaders", CuratorFlows::leaders);
        flows.put("barriers", CuratorFlows::barriers);
        flows.put("counters", CuratorFlows::counters);
        flows.put("nodes", CuratorFlows::nodes);
        flows.put("queue", CuratorFlows::queue);
        flows.put("lost sessions", CuratorFlows::lostSessions);
        int n = 0, failed = 0;
        System.out.println("1.." + flows.size());
        try (CuratorFramework zk = connect()) {
            for (Map.Entry<String, Flow> flow : flows.entrySet()) {
                String verdict = "ok";
                StringWriter why = new StringWriter();
                try {
                    flow.getValue().run(zk);
                } catch (Throwable t) {
                    failed++;
                    verdict = "not ok";
                    t.printStackTrace(new PrintWriter(why));
                }
                System.out.println(verdict + " " + ++n + " - " + flow.getKey());
                System.out.print(why.toString().replaceAll("(?m)^", "# ").replaceFirst("# $", ""));
            }
        }
        System.out.println("# " + (n - failed) + " passed, " + failed + " failed");
        System.exit(failed > 0 ? 1 : 0);
    }
}
