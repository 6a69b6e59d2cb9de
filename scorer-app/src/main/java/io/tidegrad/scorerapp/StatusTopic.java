package io.tidegrad.scorerapp;

import io.tidegrad.control.ProcessStatus;
import io.tidegrad.control.StatusWriter;
import io.tidegrad.schemas.Topics;
import io.tidegrad.schemas.settings.KafkaSettings;
import io.tidegrad.scorer.ModelRouter;
import io.tidegrad.scorer.Scorer;
import io.tidegrad.scorer.ScorerStatus;
import io.tidegrad.scorer.ServedVersion;
import java.time.Duration;
import java.time.InstantSource;
import java.util.Collection;
import java.util.List;
import java.util.Set;
import java.util.UUID;

/// Writes to the status topic what this process serves: at once if another model or epoch answers or the readiness
/// changes, after a second if the version changes, and in any case every ten seconds.
final class StatusTopic implements AutoCloseable {
    private static final Duration LOOK_EVERY = Duration.ofMillis(50);
    private static final long VERSIONS_APART_MILLIS = 1_000;

    private final StatusWriter<List<ProcessStatus.Served>> writer;

    /// @param address address of the process, `host:port`
    /// @param pinned names whose version stays, whatever is decided
    StatusTopic(KafkaSettings kafka, Topics topics, String address, Collection<ModelRouter> routers, Set<String> pinned,
            InstantSource clock) {
        String process = address + "-" + UUID.randomUUID().toString().substring(0, 8);
        writer = new StatusWriter<>(kafka, topics, "scorer",
                "Serving goes on, but commands that wait for scorers don't see this one.", LOOK_EVERY,
                new StatusWriter.Source<>() {
                    @Override
                    public List<ProcessStatus.Served> now() {
                        return routers.stream().map(each -> served(each.live(), pinned)).toList();
                    }

                    @Override
                    public boolean isDue(List<ProcessStatus.Served> last, List<ProcessStatus.Served> now, long millis) {
                        return !isSameWithoutVersions(last, now)
                                || !last.equals(now) && millis >= VERSIONS_APART_MILLIS;
                    }

                    @Override
                    public StatusWriter.StatusRecord record(List<ProcessStatus.Served> told, boolean stopped) {
                        ProcessStatus status = new ProcessStatus(process, stopped, clock.millis(), address, told);
                        return new StatusWriter.StatusRecord(status.key(), status.encode());
                    }
                });
    }

    /// Returns the number of records that were written.
    long written() {
        return writer.written();
    }

    /// Returns how often the topic could not be written to.
    long failures() {
        return writer.failures();
    }

    /// Compares without versions, which change twice a second.
    private static boolean isSameWithoutVersions(List<ProcessStatus.Served> some, List<ProcessStatus.Served> others) {
        return withoutVersions(some).equals(withoutVersions(others));
    }

    private static List<ProcessStatus.Served> withoutVersions(List<ProcessStatus.Served> served) {
        return served.stream().map(each -> new ProcessStatus.Served(each.name(), each.model(), each.epoch(), 0,
                each.ready(), each.pinned(), each.problem())).toList();
    }

    private static ProcessStatus.Served served(Scorer scorer, Set<String> pinned) {
        ScorerStatus status = scorer.status();
        ServedVersion served = status.served();
        String problem = status.control().problem();
        return new ProcessStatus.Served(scorer.model(), served == null ? "" : served.model(),
                served == null ? 0 : served.epoch(), served == null ? -1 : served.version(), status.ready(),
                pinned.contains(scorer.model()),
                problem.isEmpty() && served == null ? status.followerDetail() : problem);
    }

    /// Writes that the process ends, so that nobody waits for it.
    @Override
    public void close() {
        writer.close();
    }
}
