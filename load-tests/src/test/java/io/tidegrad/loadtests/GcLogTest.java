package io.tidegrad.loadtests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Lines as JDK 25 writes them.
class GcLogTest {
    private static final String YOUNG = """
            [5.209s] GC(6) DefNew: 10863K(12288K)->1269K(12288K) Eden: 10863K(10944K)->0K(10944K) From: 0K(1344K)->1269K(1344K)
            [5.209s] GC(6) Tenured: 10531K(27328K)->15512K(27328K)
            [5.209s] GC(6) Pause Young (Allocation Failure) 20M->16M(38M) 1.203ms
            [5.209s] Safepoint "SerialCollectForAllocation", Time since last: 1 ns, Reaching safepoint: 2 ns, At safepoint: 3 ns, Leaving safepoint: 4 ns, Total: 1232500 ns, Threads: 0 runnable, 10 total
            """;
    private static final String ASKED = """
            [7.301s] GC(14) DefNew: 10863K(12288K)->512K(12288K) Eden: 10863K(10944K)->0K(10944K) From: 0K(1344K)->1269K(1344K)
            [7.301s] GC(14) Tenured: 10531K(27328K)->9728K(27328K)
            [7.301s] GC(14) Pause Full (Diagnostic Command) 24M->8M(38M) 67.358ms
            [7.301s] Safepoint "SerialGCCollect", Time since last: 1 ns, Reaching safepoint: 3980 ns, At safepoint: 67374775 ns, Leaving safepoint: 22966 ns, Total: 67401721 ns, Threads: 0 runnable, 11 total
            """;

    @TempDir
    private Path directory;

    @Test
    void aCollectionThatWasAskedForSaysWhatIsLeftAndIsNoPauseOfItsOwn() throws Exception {
        Path file = directory.resolve("gc.log");
        Files.writeString(file, YOUNG);
        GcLog log = new GcLog(file);
        assertThat(log.pauseMillis()).isCloseTo(1.2325, within(1e-9));
        assertThat(log.liveMegabytes()).isNaN();
        Files.writeString(file, ASKED, StandardOpenOption.APPEND);
        assertThat(log.pauseMillis()).isZero();
        assertThat(log.liveMegabytes()).isCloseTo(10, within(1e-9));
        assertThat(log.askedMillis()).isCloseTo(67.401721, within(1e-9));
    }

    @Test
    void aCollectionOfItsOwnAndEveryOtherSafepointArePauses() throws Exception {
        Path file = directory.resolve("gc.log");
        Files.writeString(file, ASKED.replace("Diagnostic Command", "Allocation Failure") + YOUNG);
        assertThat(new GcLog(file).pauseMillis()).isCloseTo(67.401721, within(1e-9));
        Files.writeString(file, YOUNG + ASKED + "[8s] Safepoint \"ICBufferFull\", Total:   81000000 ns, Threads: 0\n");
        assertThat(new GcLog(file).pauseMillis()).isCloseTo(81, within(1e-9));
    }

    @Test
    void g1SaysBeforeWhatACollectionWasForWhatIsLeft() throws Exception {
        Path file = directory.resolve("gc.log");
        Files.writeString(file, """
                [1.516s] GC(18) Heap Before GC invocations=18 (full 0):
                [1.516s] GC(18)  garbage-first heap   total reserved 65536K, committed 24576K, used 22800K [0xfc, 0x100)
                [1.524s] GC(18) Heap After GC invocations=19 (full 1):
                [1.524s] GC(18)  garbage-first heap   total reserved 65536K, committed 14336K, used 2560K [0xfc, 0x100)
                [1.524s] GC(18) Pause Full (Diagnostic Command) 22M->2M(14M) 8.580ms
                [1.524s] Safepoint "G1CollectFull", Reaching safepoint: 1884 ns, Total: 8592281 ns, Threads: 0 runnable
                """);
        GcLog log = new GcLog(file);
        assertThat(log.pauseMillis()).isZero();
        assertThat(log.liveMegabytes()).isCloseTo(2.5, within(1e-9));
        assertThat(log.askedMillis()).isCloseTo(8.592281, within(1e-9));
        assertThat(log.heap()).isEqualTo(new GcLog.Heap(0xfc, 0x100));
    }

    @Test
    void aLineThatIsNotWholeIsReadWhenItIs() throws Exception {
        Path file = directory.resolve("gc.log");
        int part = YOUNG.length() - 40;
        Files.writeString(file, YOUNG.substring(0, part));
        GcLog log = new GcLog(file);
        assertThat(log.pauseMillis()).isZero();
        Files.writeString(file, YOUNG.substring(part), StandardOpenOption.APPEND);
        assertThat(log.pauseMillis()).isCloseTo(1.2325, within(1e-9));
    }
}
