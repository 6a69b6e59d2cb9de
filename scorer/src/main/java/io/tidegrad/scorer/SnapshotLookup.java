package io.tidegrad.scorer;

import io.tidegrad.control.ControlAction;
import io.tidegrad.control.ControlDirective;
import io.tidegrad.control.ControlIntake;
import io.tidegrad.engine.model.Parameters;
import io.tidegrad.model.snapshot.LoadedModel;
import io.tidegrad.model.snapshot.SnapshotKey;
import io.tidegrad.model.snapshot.SnapshotManifest;
import io.tidegrad.model.snapshot.SnapshotVerifier;
import io.tidegrad.model.snapshot.Verification;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.concurrent.CountDownLatch;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.errors.TimeoutException;
import org.jspecify.annotations.Nullable;

/// Loads one version of a model from its snapshots topic, verified as a scorer verifies it, for callers that need
/// weights once and follow nothing. It reads the whole topic.
public final class SnapshotLookup {
    /// If no record arrives for this long, Kafka counts as unreachable.
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    private final ScorerOptions options;
    private final FollowedTopics topics;
    private final Map<SnapshotKey, FoundManifest> manifests = new HashMap<>();
    private final Map<SnapshotKey, Long> begins = new HashMap<>(); // first offset of a version, by its manifest's key

    private SnapshotLookup(ScorerOptions options, FollowedTopics topics) {
        this.options = options;
        this.topics = topics;
    }

    /// @param epoch empty for the newest epoch that has the version
    /// @param version empty for the version that a scorer would serve: the newest sound one of the current epoch, or the
    ///     one to which that epoch was rolled back
    /// @throws SnapshotNotFoundException if the version is not on the topic or is refused; says what is there
    /// @throws org.apache.kafka.common.KafkaException if Kafka can't be reached or denies access
    public static LoadedModel find(ScorerOptions options, OptionalInt epoch, OptionalLong version) {
        ControlIntake control = new ControlIntake(options.model());
        try (FollowedTopics topics = new FollowedTopics(options, control, new CountDownLatch(1), () -> {
        })) {
            topics.readControl(patience(options.topics().control(), control::next));
            return new SnapshotLookup(options, topics).find(control.directive(options.model()), epoch, version);
        }
    }

    private LoadedModel find(ControlDirective directive, OptionalInt epoch, OptionalLong version) {
        if (topics.partitions(options.topic()) == 0) {
            throw notFound("no such topic; the trainer creates it");
        }
        topics.follow(options.topic());
        read(topics.begin(), topics.end(), this::note);
        List<FoundManifest> found = manifests.values().stream().sorted(FoundManifest.NEWEST_FIRST).toList();
        // A version that was asked for and is refused is not replaced by an earlier epoch's version of the same number.
        Verification verdict = version.isPresent() ? load(
                found.stream()
                        .filter(each -> each.manifest().version() == version.getAsLong()
                                && each.manifest().epoch() == epoch.orElse(each.manifest().epoch()))
                        .limit(1).toList(),
                manifest -> true) : load(found, manifest -> manifest.epoch() >= directive.epoch());
        if (verdict instanceof Verification.Admitted admitted) {
            return admitted.model();
        }
        ControlAction.Rollback rollback = directive.rollback();
        if (version.isEmpty() && rollback != null) {
            Verification base = load(found, manifest -> manifest.epoch() == rollback.base().epoch()
                    && manifest.version() == rollback.base().version());
            if (base instanceof Verification.Admitted admitted) {
                return admitted.model().inEpoch(rollback.epoch());
            }
            verdict = base == null ? verdict : base;
        }
        if (verdict instanceof Verification.Refused refused) {
            throw notFound("one that is refused: " + refused.reason().code() + ": " + refused.detail());
        }
        throw notFound(found.isEmpty() ? "none yet"
                : "not version " + (epoch.isPresent() ? epoch.getAsInt() + "." : "") + version.orElse(0) + ", but "
                        + found.stream().map(each -> each.manifest().epoch() + "." + each.manifest().version())
                                .collect(Collectors.joining(", "))
                        + " (epoch.version)");
    }

    /// Returns the first of the wanted versions that is admitted. If none is, returns the last refusal, or null if no
    /// version is wanted.
    private @Nullable Verification load(List<FoundManifest> found, Predicate<SnapshotManifest> wanted) {
        Verification verdict = null;
        for (FoundManifest each : found) {
            if (wanted.test(each.manifest()) && !(verdict instanceof Verification.Admitted)) {
                ChainLoader loader =
                        new ChainLoader(
                                new SnapshotVerifier(options.model(), options.kernels(), options.maxSnapshotBytes(),
                                        options.publicKey(), Parameters::served),
                                options.maxSnapshotBytes(), each.manifest());
                Long begin = begins.get(SnapshotKey.manifest(each.manifest().epoch(), each.manifest().chain().full()));
                read(begin == null ? each.offset() : begin, each.offset() + 1, loader::accept);
                verdict = loader.result();
            }
        }
        return verdict;
    }

    private void note(ConsumerRecord<byte[], byte[]> record) {
        SnapshotKey key = FoundManifest.key(record);
        if (key == null) {
            return;
        }
        begins.merge(SnapshotKey.manifest(key.epoch(), key.version()), record.offset(), Math::min);
        FoundManifest manifest = FoundManifest.of(record);
        if (manifest != null) {
            manifests.put(key, manifest);
        }
    }

    private void read(long from, long to, Consumer<ConsumerRecord<byte[], byte[]>> each) {
        topics.read(from, to, patience(options.topic(), topics::position), each);
    }

    /// Never halts, but throws when the position has not moved for as long as `PATIENCE`.
    private static BooleanSupplier patience(String topic, LongSupplier position) {
        return new BooleanSupplier() {
            private long last = -1;
            private long movedAt = System.nanoTime();

            @Override
            public boolean getAsBoolean() {
                long now = position.getAsLong();
                if (now != last) {
                    last = now;
                    movedAt = System.nanoTime();
                } else if (System.nanoTime() - movedAt > PATIENCE.toNanos()) {
                    throw new TimeoutException("topic " + topic + ": expected further records, found none after offset "
                            + now + " for " + PATIENCE.toSeconds() + " s");
                }
                return false;
            }
        };
    }

    private SnapshotNotFoundException notFound(String found) {
        return new SnapshotNotFoundException(
                "topic " + options.topic() + ": expected a snapshot of model " + options.model() + ", found " + found);
    }
}
