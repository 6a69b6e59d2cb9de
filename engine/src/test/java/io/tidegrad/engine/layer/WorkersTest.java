package io.tidegrad.engine.layer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tidegrad.proof.SteadyAllocation;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(value = 120, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class WorkersTest {
    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 8, Workers.COUNT_MAX})
    void everyPartOfEveryJobIsRunOnceAndSeenByTheCaller(int count) {
        try (Workers workers = new Workers(count)) {
            int[] runs = new int[300]; // plain: only the crew's own order makes them visible
            int[] expected = new int[300];
            for (int job = 0; job < 3_000; job++) {
                int all = 1 + job % runs.length;
                workers.run(all, (part, parts, worker) -> {
                    assertThat(worker).isBetween(0, count - 1);
                    assertThat(parts).isEqualTo(all);
                    runs[part]++;
                });
                for (int part = 0; part < all; part++) {
                    expected[part]++;
                }
                assertThat(runs).as("after job %d", job).isEqualTo(expected);
                if (job % 500 == 0) {
                    LockSupport.parkNanos(1_000_000); // long enough for all to park
                }
            }
        }
    }

    @Test
    void theMostPartsThereMayBeAreRun() {
        try (Workers workers = new Workers(3)) {
            AtomicInteger runs = new AtomicInteger();
            workers.run(Workers.PARTS_MAX, (part, parts, worker) -> runs.incrementAndGet());
            assertThat(runs).hasValue(Workers.PARTS_MAX);
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> workers.run(Workers.PARTS_MAX + 1, (part, parts, worker) -> {
                    })).withMessage("expected 1 to 65535 parts, found 65536");
        }
    }

    @Test
    void aPartRunsOnEachThreadWhenAllArePatient() {
        int count = 4;
        try (Workers workers = new Workers(count)) {
            CountDownLatch all = new CountDownLatch(count);
            Set<Thread> threads = ConcurrentHashMap.newKeySet();
            Set<Integer> numbers = ConcurrentHashMap.newKeySet();
            // Each part waits for the others, so no thread can run two.
            workers.run(count, (part, parts, worker) -> {
                threads.add(Thread.currentThread());
                numbers.add(worker);
                all.countDown();
                await(all);
            });
            assertThat(threads).hasSize(count).contains(Thread.currentThread());
            assertThat(numbers).containsExactlyInAnyOrder(0, 1, 2, 3);
        }
    }

    @Test
    void theCallerDoesTheWorkOfAWorkerThatDoesNotCome() {
        try (Workers workers = new Workers(2)) {
            CountDownLatch others = new CountDownLatch(9);
            // Whoever gets the first part waits in it until the other nine are done: by one thread.
            workers.run(10, (part, parts, worker) -> {
                if (part == 0) {
                    await(others);
                } else {
                    others.countDown();
                }
            });
            assertThat(others.getCount()).isZero();
        }
    }

    @Test
    void whatAPartThrowsReachesTheCallerAfterAllPartsHaveEnded() {
        try (Workers workers = new Workers(3)) {
            for (int failing = 0; failing < 20; failing++) {
                int bad = failing;
                AtomicInteger ended = new AtomicInteger();
                assertThatThrownBy(() -> workers.run(20, (part, parts, worker) -> {
                    ended.incrementAndGet();
                    if (part == bad) {
                        throw new ArithmeticException("part " + bad);
                    }
                })).isInstanceOf(ArithmeticException.class).hasMessage("part " + bad);
                assertThat(ended).hasValue(20);
            }
            assertThatThrownBy(() -> workers.run(2, (part, parts, worker) -> {
                throw new StackOverflowError();
            })).isInstanceOf(StackOverflowError.class);
            AtomicInteger runs = new AtomicInteger();
            workers.run(20, (part, parts, worker) -> runs.incrementAndGet());
            assertThat(runs).as("the crew works on").hasValue(20);
        }
    }

    @Test
    void aPartThatCallsTheCrewIsRefused() {
        try (Workers workers = new Workers(2)) {
            assertThatThrownBy(() -> workers.run(2, (part, parts, worker) -> workers.run(2, (p, ps, w) -> {
            }))).isInstanceOf(IllegalStateException.class).hasMessageContaining("one job at a time");
        }
    }

    @Test
    void closingEndsTheThreadsWorkingOrParked() {
        for (int jobs : new int[]{0, 1, 100}) {
            Workers workers = new Workers(3);
            Set<Thread> threads = ConcurrentHashMap.newKeySet();
            CountDownLatch all = new CountDownLatch(3);
            for (int job = 0; job < jobs; job++) {
                workers.run(3, (part, parts, worker) -> {
                    threads.add(Thread.currentThread());
                    all.countDown();
                    await(all);
                });
            }
            workers.close();
            threads.remove(Thread.currentThread());
            assertThat(threads).noneMatch(Thread::isAlive);
            assertThatThrownBy(() -> workers.run(2, (part, parts, worker) -> {
            })).isInstanceOf(IllegalStateException.class).hasMessage("the workers are closed");
            workers.close(); // a second time changes nothing
        }
    }

    @Test
    void aCrewServesOneThreadAfterAnotherAndAnInterruptedOneToo() throws InterruptedException {
        try (Workers workers = new Workers(2)) {
            AtomicReference<Throwable> failure = new AtomicReference<>();
            List<Integer> sums = new ArrayList<>();
            for (int turn = 0; turn < 3; turn++) {
                Thread thread = Thread.ofPlatform().uncaughtExceptionHandler((t, e) -> failure.set(e)).start(() -> {
                    Thread.currentThread().interrupt();
                    AtomicInteger sum = new AtomicInteger();
                    workers.run(50, (part, parts, worker) -> sum.addAndGet(part));
                    assertThat(Thread.currentThread().isInterrupted()).isTrue();
                    sums.add(sum.get());
                });
                thread.join();
            }
            assertThat(failure).hasNullValue();
            assertThat(sums).containsExactly(1225, 1225, 1225);
        }
    }

    @Test
    void aJobAllocatesNothing() {
        float[] sums = new float[16];
        Workers.Work work = (part, parts, worker) -> sums[part]++;
        try (Workers workers = new Workers(2)) {
            assertThat(SteadyAllocation.ofThisThread(200, () -> {
                for (int job = 0; job < 200; job++) {
                    workers.run(16, work);
                }
            })).isZero();
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {-1, 0, Workers.COUNT_MAX + 1})
    void aCountThatMakesNoSenseIsRefused(int count) {
        assertThatIllegalArgumentException().isThrownBy(() -> new Workers(count))
                .withMessage("expected 1 to 64 workers, found " + count);
    }

    private static void await(CountDownLatch latch) {
        try {
            assertThat(latch.await(60, TimeUnit.SECONDS)).isTrue();
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }
}
