package io.tidegrad.process;

import io.micrometer.core.instrument.FunctionCounter;
import io.tidegrad.control.RunStatus;
import io.tidegrad.control.StatusWriter;
import io.tidegrad.schemas.Build;
import io.tidegrad.schemas.Topics;
import io.tidegrad.schemas.settings.KafkaSettings;
import java.lang.management.ManagementFactory;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/// Tells on the status topic what a trainer or joiner runs and how far each of it is, so that its silence can be told from
/// having nothing to do. It only looks, from a thread of its own: learning and joining neither wait for it nor fail with it.
public final class RunTeller implements AutoCloseable {
    private static final Duration LOOK_EVERY = Duration.ofSeconds(1);

    /// With more than a hundred runs a record comes more seldom, because it has all of them.
    private static final long MILLIS_A_RUN = 10;

    private final StatusWriter<List<RunStatus.Run>> writer;

    private RunTeller(StatusWriter<List<RunStatus.Run>> writer) {
        this.writer = writer;
    }

    /// Begins to tell.
    ///
    /// @param instanceId of the state directory, see `InstanceId`
    /// @param httpHost where the server listens
    /// @param server of health and metrics, which count what is told
    /// @param runs models or streams of the process, in an order that stays
    /// @param ended completes with the reason why the process ends by itself
    public static RunTeller start(KafkaSettings kafka, Topics topics, RunStatus.Role role, String instanceId,
            String httpHost, OperationsServer server, Supplier<List<RunStatus.Run>> runs,
            CompletableFuture<StopException> ended) {
        String address = httpHost + ":" + server.port();
        String goesOn = (role == RunStatus.Role.TRAINER ? "Learning" : "Joining") + " goes on, but no console sees it.";
        StatusWriter<List<RunStatus.Run>> writer = new StatusWriter<>(kafka, topics, role.word(), goesOn, LOOK_EVERY,
                new Source(role, role.word() + "/" + instanceId, address, runs, ended));
        FunctionCounter.builder("tidegrad.status.records", writer, StatusWriter::written).tag("program", role.word())
                .description("Records of the status topic written").register(server.metrics());
        FunctionCounter.builder("tidegrad.status.failures", writer, StatusWriter::failures).tag("program", role.word())
                .description("Times that the status topic could not be written to").register(server.metrics());
        return new RunTeller(writer);
    }

    private static final class Source implements StatusWriter.Source<List<RunStatus.Run>> {
        private final RunStatus.Role role;
        private final String process;
        private final String address;
        private final Supplier<List<RunStatus.Run>> runs;
        private final CompletableFuture<StopException> ended;
        private final long started = ManagementFactory.getRuntimeMXBean().getStartTime();
        private @Nullable String host; // asked for on the writer's thread: a resolver may be slow

        Source(RunStatus.Role role, String process, String address, Supplier<List<RunStatus.Run>> runs,
                CompletableFuture<StopException> ended) {
            this.role = role;
            this.process = process;
            this.address = address;
            this.runs = runs;
            this.ended = ended;
        }

        @Override
        public List<RunStatus.Run> now() {
            return runs.get();
        }

        @Override
        public boolean isDue(List<RunStatus.Run> last, List<RunStatus.Run> now, long millis) {
            return millis >= now.size() * MILLIS_A_RUN && !last.equals(now);
        }

        @Override
        public StatusWriter.StatusRecord record(List<RunStatus.Run> told, boolean stopped) {
            String machine = host;
            if (machine == null) {
                machine = hostName();
                host = machine;
            }
            Runtime heap = Runtime.getRuntime();
            StopException why = ended.getNow(null);
            RunStatus status = new RunStatus(process, role, stopped, System.currentTimeMillis(), started,
                    heap.totalMemory() - heap.freeMemory(), heap.maxMemory(), machine, address, Build.version(),
                    why == null ? "" : String.valueOf(why.getMessage()), 0, told);
            return new StatusWriter.StatusRecord(status.key(), status.encode());
        }
    }

    /// Returns this machine's name, as it knows it. A resolver may be slow.
    public static String hostName() {
        try {
            return InetAddress.getLocalHost().getHostName();
        } catch (UnknownHostException nameless) {
            return "localhost";
        }
    }

    /// Tells that the process ends.
    @Override
    public void close() {
        writer.close();
    }
}
