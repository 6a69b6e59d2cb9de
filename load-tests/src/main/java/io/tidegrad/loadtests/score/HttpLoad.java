package io.tidegrad.loadtests.score;

import io.tidegrad.loadtests.HttpLine;
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

/// Sends requests to one server over a fixed number of connections, each with a thread, and compares every answer. The
/// first answer that is wrong, or a refusal where none is allowed, ends it.
final class HttpLoad implements AutoCloseable {
    /// How long answers may take after the end of a window.
    private static final Duration ENDS_WITHIN = Duration.ofSeconds(60);

    /// From making the tasks to the first request that is due.
    private static final long START_NANOS = 5_000_000;

    private static final int OVERLOADED = 503;
    private static final int ANSWER_BYTES_MAX = 64 * 1024;

    private static final int QUESTIONS_A_CLIENT = 7; // without a common divisor with their number

    private final Target target;
    private final List<Client> clients = new ArrayList<>();
    private final ExecutorService threads;

    /// A server and what is asked of it.
    ///
    /// @param requests lie ready; request n asks `records` questions from number n x records on
    /// @param expected of an answer
    /// @param compared false if answers are read but not compared
    /// @param within of a number that is expected; 0 for the same bits
    /// @param shedding whether it may also say that it is overloaded
    record Target(String name, int port, List<byte[]> requests, int records, Expected expected, boolean compared,
            float within, boolean shedding) {
        Target named(String other) {
            return new Target(other, port, requests, records, expected, compared, within, shedding);
        }

        /// The same server, which may now say that it is overloaded.
        Target thatSheds() {
            return new Target(name, port, requests, records, expected, compared, within, true);
        }

        /// The same requests to a server whose answers say nothing.
        Target of(String other, int otherPort) {
            return new Target(other, otherPort, requests, records, expected, false, 0, false);
        }
    }

    /// The outcome of a window.
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
    private static final class Client {
        private final Target target;
        private final HttpLine line;
        private final AnswerText text;
        private final Expected.@Nullable Judge judge;
        private int request;
        private long verified;
        private long shed;

        Client(Target target, int number) {
            this.target = target;
            line = new HttpLine(target.port(), ANSWER_BYTES_MAX, Duration.ZERO);
            text = new AnswerText(target.records() * target.expected().outputs());
            judge = target.compared() ? target.expected().judge(target.within()) : null;
            request = number * QUESTIONS_A_CLIENT % target.requests().size();
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
            for (int client = 0; client < connections; client++) {
                clients.add(new Client(target, client));
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
        return clients.stream().mapToLong(client -> client.shed).sum();
    }

    /// The number of correct answers in all windows so far.
    long verified() {
        return clients.stream().mapToLong(client -> client.verified).sum();
    }

    /// Sends requests at fixed times.
    Window open(double perSecond, Duration length) throws InterruptedException {
        return open(perSecond, length, Duration.ofNanos(Long.MAX_VALUE));
    }

    /// Likewise, but gives up a request that could not be sent in time.
    ///
    /// @param patience after a request was due
    Window open(double perSecond, Duration length, Duration patience) throws InterruptedException {
        long calls = Math.max(1, Math.round(perSecond * length.toNanos() * 1e-9));
        long shed = shed();
        long start = System.nanoTime() + START_NANOS;
        OpenLoop loop = new OpenLoop(OpenLoop.PARKING, perSecond);
        OpenLoop.Latencies latencies = OpenLoop.Latencies.ofManyThreads();
        List<Callable<Long>> tasks = new ArrayList<>();
        for (int number = 0; number < clients.size(); number++) {
            int mine = number;
            Client client = clients.get(mine);
            tasks.add(() -> loop.run(start, mine, clients.size(), calls, patience.toNanos(), call -> client.ask(),
                    latencies));
        }
        long givenUp = run(tasks, length).stream().mapToLong(Long::longValue).sum();
        return new Window(latencies.whole().getTotalCount(), shed() - shed, givenUp, (System.nanoTime() - start) * 1e-9,
                latencies);
    }

    /// Sends the next request of a connection as soon as the answer to the last one came, and at least one.
    Window closed(Duration length) throws InterruptedException {
        long shed = shed();
        long start = System.nanoTime();
        List<Callable<Long>> tasks = new ArrayList<>();
        for (Client client : clients) {
            tasks.add(() -> {
                long answers = 0;
                do {
                    answers += client.ask() ? 1 : 0;
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
        clients.forEach(client -> client.line.close());
        threads.shutdownNow();
    }
}
