package io.tidegrad.loadtests.score;

import io.tidegrad.loadtests.LoadTestException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/// Requests to one server over a fixed number of connections, a thread each; every answer is read and compared. The
/// first one that is wrong, or refused where all are to be answered, ends it.
final class HttpLoad implements AutoCloseable {
    /// After a window: for answers under way.
    private static final Duration ENDS_WITHIN = Duration.ofSeconds(60);

    /// From making the tasks to the first request that is due.
    private static final long START_NANOS = 5_000_000;

    private static final int OVERLOADED = 503;
    private static final int ANSWER_BYTES_MAX = 64 * 1024;

    private static final int QUESTIONS_A_LANE = 7; // without a common divisor with their number

    private final Target target;
    private final List<Lane> lanes = new ArrayList<>();
    private final ExecutorService threads;

    /// A server and what is asked of it.
    ///
    /// @param requests lie ready; request n asks `records` questions from number n x records on
    /// @param expected of an answer
    /// @param compared false where an answer is read as all are, but may say what it likes
    /// @param within of a number that is expected; 0 for the same bits
    /// @param shedding whether it may also say that it is overloaded
    record Target(String name, int port, List<byte[]> requests, int records, Expected expected, boolean compared,
            float within, boolean shedding) {
        /// Of a request, and of an answer.
        int bytesMax() {
            return requests.stream().mapToInt(request -> request.length).reduce(ANSWER_BYTES_MAX, Math::max);
        }

        Target named(String other) {
            return new Target(other, port, requests, records, expected, compared, within, shedding);
        }

        /// The same, which may say that it is overloaded.
        Target thatSheds() {
            return new Target(name, port, requests, records, expected, compared, within, true);
        }

        /// The same requests to a server whose answers say nothing.
        Target of(String other, int otherPort) {
            return new Target(other, otherPort, requests, records, expected, false, 0, false);
        }
    }

    /// What came of a window.
    ///
    /// @param answers each of them sound
    /// @param shed requests that were not answered because there were too many
    /// @param givenUp requests that were not sent, because their connection was not free in time
    /// @param latencies of answers
    record Window(long answers, long shed, long givenUp, double seconds, OpenLoop.Latencies latencies) {
        double perSecond() {
            return answers / seconds;
        }
    }

    /// One connection and the thread that asks over it.
    private static final class Lane {
        private final Target target;
        private final HttpLine line;
        private final AnswerText text;
        private final Expected.@Nullable Judge judge;
        private int request;
        private long verified;
        private long shed;

        Lane(Target target, int number) {
            this.target = target;
            line = HttpLine.connect(target.port(), target.bytesMax());
            text = new AnswerText(target.records() * target.expected().outputs());
            judge = target.compared() ? target.expected().judge(target.within()) : null;
            request = number * QUESTIONS_A_LANE % target.requests().size();
        }

        /// Returns whether it was answered.
        boolean ask() {
            int status = line.ask(target.requests().get(request));
            if (status == OVERLOADED && target.shedding()) {
                shed++;
                return false;
            }
            if (status != 200) {
                throw new LoadTestException(
                        target.name() + ": expected status 200, found " + status + " " + line.body());
            }
            int numbers = text.read(line.bytes(), line.bodyFrom(), line.bodyTo());
            if (judge != null) {
                String wrong = judge.wrong(text.version(), request * target.records(), text.numbers(), numbers,
                        target.records());
                if (wrong != null) {
                    throw new LoadTestException(target.name() + ": " + wrong);
                }
                verified++;
            }
            request = request + 1 == target.requests().size() ? 0 : request + 1;
            return true;
        }
    }

    HttpLoad(Target target, int connections) {
        this.target = target;
        threads = Executors.newFixedThreadPool(connections, Thread.ofPlatform().daemon().name("ask-", 0).factory());
        try {
            for (int lane = 0; lane < connections; lane++) {
                lanes.add(new Lane(target, lane));
            }
        } catch (LoadTestException e) {
            close();
            throw e;
        }
    }

    Target target() {
        return target;
    }

    private long shed() {
        return lanes.stream().mapToLong(lane -> lane.shed).sum();
    }

    /// Answers that said what was expected, of all windows so far.
    long verified() {
        return lanes.stream().mapToLong(lane -> lane.verified).sum();
    }

    /// Requests at their times.
    Window open(double perSecond, Duration length) throws InterruptedException {
        return open(perSecond, length, Duration.ofNanos(Long.MAX_VALUE));
    }

    /// As `open`, but what could not be sent in time is given up.
    ///
    /// @param patience after a request was due
    Window open(double perSecond, Duration length, Duration patience) throws InterruptedException {
        long calls = Math.max(1, Math.round(perSecond * length.toNanos() * 1e-9));
        long shed = shed();
        long start = System.nanoTime() + START_NANOS;
        OpenLoop loop = new OpenLoop(OpenLoop.PARKING, perSecond);
        OpenLoop.Latencies latencies = OpenLoop.Latencies.ofManyThreads();
        List<Callable<Long>> tasks = new ArrayList<>();
        for (int number = 0; number < lanes.size(); number++) {
            int mine = number;
            Lane lane = lanes.get(mine);
            tasks.add(() -> loop.run(start, mine, lanes.size(), calls, patience.toNanos(), call -> lane.ask(),
                    latencies));
        }
        long givenUp = run(tasks, length).stream().mapToLong(Long::longValue).sum();
        return new Window(latencies.whole().getTotalCount(), shed() - shed, givenUp, (System.nanoTime() - start) * 1e-9,
                latencies);
    }

    /// Each connection's next request as soon as its answer is there; one at least.
    Window closed(Duration length) throws InterruptedException {
        long shed = shed();
        long start = System.nanoTime();
        List<Callable<Long>> tasks = new ArrayList<>();
        for (Lane lane : lanes) {
            tasks.add(() -> {
                long answers = 0;
                do {
                    answers += lane.ask() ? 1 : 0;
                } while (System.nanoTime() - start < length.toNanos());
                return answers;
            });
        }
        long answers = run(tasks, length).stream().mapToLong(Long::longValue).sum();
        return new Window(answers, shed() - shed, 0, (System.nanoTime() - start) * 1e-9, new OpenLoop.Latencies());
    }

    private <T> List<T> run(List<Callable<T>> tasks, Duration length) throws InterruptedException {
        List<Future<T>> running = tasks.stream().map(threads::submit).toList();
        long deadline = System.nanoTime() + length.plus(ENDS_WITHIN).toNanos();
        List<T> results = new ArrayList<>();
        for (Future<T> each : running) {
            try {
                results.add(each.get(deadline - System.nanoTime(), TimeUnit.NANOSECONDS));
            } catch (ExecutionException e) {
                throw e.getCause() instanceof LoadTestException known ? known
                        : new LoadTestException("asking failed: " + e.getCause(), e.getCause());
            } catch (TimeoutException e) {
                throw new LoadTestException(target.name() + ": expected every answer within " + ENDS_WITHIN.toSeconds()
                        + " s of the window's end, found some missing", e);
            }
        }
        return results;
    }

    @Override
    public void close() {
        lanes.forEach(lane -> lane.line.close());
        threads.shutdownNow();
    }
}
