package io.tidegrad.loadtests.score;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.BitSet;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.FutureTask;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;

/// What the kernel itself says of the threads afterwards, in `/proc`.
@EnabledOnOs(OS.LINUX)
class LinuxSchedulerTest {
    private static final long PID = ProcessHandle.current().pid();
    private static final Path SELF = Path.of("/proc/thread-self");

    private static final int POLICY = 41 - 3; // of proc_pid_stat(5), counted from behind the name
    private static final String SCHED_OTHER = "0";
    private static final String SCHED_IDLE = "5";

    private static String policy(Path thread) throws IOException {
        String stat = Files.readString(thread.resolve("stat"));
        return stat.substring(stat.lastIndexOf(')') + 2).split(" ")[POLICY];
    }

    @Test
    void aThreadThatEntersTheIdleClassIsThereAndNoOtherOne() throws Exception {
        FutureTask<String> idle = new FutureTask<>(() -> {
            assertThat(LinuxScheduler.idle()).isTrue();
            return policy(SELF);
        });
        Thread.ofPlatform().start(idle);
        assertThat(idle.get()).isEqualTo(SCHED_IDLE);
        assertThat(policy(SELF)).isEqualTo(SCHED_OTHER);
    }

    @Test
    void threadsOfANameEnterItTogether() throws Exception {
        CountDownLatch started = new CountDownLatch(2);
        CountDownLatch entered = new CountDownLatch(1);
        FutureTask<String> wanted = waiting(started, entered);
        FutureTask<String> other = waiting(started, entered);
        Thread.ofPlatform().name("a-sender-whose-name-is-long").start(wanted);
        Thread.ofPlatform().name("an-other").start(other);
        started.await();
        boolean all = LinuxScheduler.idle(PID, name -> name.startsWith("a-sender"));
        entered.countDown();
        assertThat(all).isTrue();
        assertThat(wanted.get()).isEqualTo(SCHED_IDLE);
        assertThat(other.get()).isEqualTo(SCHED_OTHER);
        assertThat(LinuxScheduler.idle(PID, name -> name.startsWith("nobody"))).isFalse();
    }

    private static FutureTask<String> waiting(CountDownLatch started, CountDownLatch until) {
        return new FutureTask<>(() -> {
            started.countDown();
            until.await();
            return policy(SELF);
        });
    }

    @Test
    void aThreadRunsOnTheCoresItIsKeptTo() throws Exception {
        BitSet all = LinuxScheduler.allowedCores();
        BitSet one = new BitSet();
        one.set(all.nextSetBit(0));
        FutureTask<List<BitSet>> kept = new FutureTask<>(() -> {
            LinuxScheduler.keep(one, all);
            BitSet first = LinuxScheduler.allowedCores();
            LinuxScheduler.keep(all, all);
            return List.of(first, LinuxScheduler.allowedCores());
        });
        Thread.ofPlatform().start(kept);
        assertThat(kept.get()).containsExactly(one, all);
        assertThat(LinuxScheduler.allowedCores()).isEqualTo(all);
    }

    @Test
    void aProcessRunsOnTheCoresItIsKeptTo() throws Exception {
        Process process = new ProcessBuilder("sleep", "60").start();
        try {
            BitSet one = new BitSet();
            one.set(LinuxScheduler.allowedCores().previousSetBit(Integer.MAX_VALUE));
            assertThat(LinuxScheduler.keep(process.pid(), one)).isTrue();
            assertThat(Files.readAllLines(Path.of("/proc", "" + process.pid(), "status")))
                    .contains("Cpus_allowed_list:\t" + one.nextSetBit(0));
        } finally {
            process.destroy();
        }
    }

    @Test
    void aThreadIsReadWhateverItsName() {
        LinuxThread thread = LinuxThread.parse("4711 (C2 (x) Compi) S 1 2 3 4 5 6 7 8 9 10 150 25 0 0 20 0 9 0 1 2 3");
        assertThat(thread).isEqualTo(new LinuxThread(4711, "C2 (x) Compi", 1.75));
    }

    @Test
    void whatACompilerTakesIsCounted() {
        assertThat(LinuxThread.compilerSeconds(PID)).isPositive();
    }
}
