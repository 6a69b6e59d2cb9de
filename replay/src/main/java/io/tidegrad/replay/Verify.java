package io.tidegrad.replay;

import io.tidegrad.control.Lineage;
import io.tidegrad.control.LogPosition;
import io.tidegrad.control.PublishedManifests;
import io.tidegrad.control.RegisteredModel;
import io.tidegrad.control.TopicReader;
import io.tidegrad.engine.model.Numerics;
import io.tidegrad.engine.model.Parameters;
import io.tidegrad.engine.snapshot.ModelHash;
import io.tidegrad.model.learn.OnlineModel;
import io.tidegrad.model.snapshot.LoadedModel;
import io.tidegrad.model.snapshot.SnapshotManifest;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.process.ExitCode;
import io.tidegrad.process.StopException;
import io.tidegrad.schemas.AvroCodec;
import io.tidegrad.schemas.Progress;
import io.tidegrad.schemas.RecordDecoder;
import io.tidegrad.schemas.SchemaRegistry;
import io.tidegrad.schemas.UndecodableException;
import io.tidegrad.trainer.Room;
import io.tidegrad.trainer.relearn.KnownRejections;
import io.tidegrad.trainer.relearn.RegistryCheck;
import io.tidegrad.trainer.relearn.RelearnedModel;
import io.tidegrad.trainer.relearn.Relearning;
import io.tidegrad.trainer.relearn.ReplayProgress;
import io.tidegrad.trainer.relearn.TimeTravel;
import io.tidegrad.trainer.store.Changelog;
import io.tidegrad.trainer.store.StoredState;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.OptionalLong;
import java.util.stream.Collectors;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Learns a published version again, from the log and the registered spec, and compares hashes: with its own, with
/// those of the other versions on the topic, with those of the progress records, and with the live state.
///
/// If they differ, it looks for the first difference. Learning can't run backwards, so each pass learns from the start
/// and compares at up to `PROBES` places between the last that agrees and the first that does not, until nothing lies
/// in between. Then it compares each number with the nearest weights that are kept, those of a snapshot or of the live
/// model.
public final class Verify {
    private static final Logger LOG = LoggerFactory.getLogger(Verify.class);
    private static final int PROBES = 64;

    /// Loads the weights of a published version, checked as a scorer checks them.
    @FunctionalInterface
    public interface Weights {
        LoadedModel load(long version);
    }

    private final VerifyOptions options;
    private final SchemaRegistry registry;
    private final RecordDecoder decoder; // of one pass after the other
    private final Weights weights;
    private final ReplayProgress.Listener listener;
    private final RegisteredModel registered;
    private final Lineage claimed; // the one whose versions and state are compared
    private final Lineage lineage; // the one that is learned again
    private final KnownRejections facts;
    private long nanos;

    private Verify(VerifyOptions options, SchemaRegistry registry, RecordDecoder decoder, Weights weights,
            ReplayProgress.Listener listener) {
        this.options = options;
        this.registry = registry;
        this.decoder = decoder;
        this.weights = weights;
        this.listener = listener;
        registered = RegisteredModel.find(options.kafka(), options.topics(), options.as());
        claimed = registered.lineage();
        lineage = options.as().equals(options.model()) ? claimed
                : RegisteredModel.find(options.kafka(), options.topics(), options.model()).lineage();
        requireSameButForTheName();
        Room.require(List.of(lineage.spec()), Runtime.getRuntime().maxMemory());
        facts = KnownRejections.read(options.kafka(), options.topics(), lineage);
    }

    /// @throws StopException if the model or the version is not there, the log has lost events that this needs, or
    ///     this build gives other bits
    public static VerifyResult run(VerifyOptions options, Weights weights, ReplayProgress.Listener listener) {
        return RegistryCheck.withRegistry(options.kafka(), options.topics(), options.registry(),
                (registry, decoder) -> new Verify(options, registry, decoder, weights, listener).run());
    }

    /// Refuses a model of another network or another log.
    private void requireSameButForTheName() {
        if (claimed != lineage && !(claimed.spec().isRenamed(lineage.spec()) && claimed.log().equals(lineage.log()))) {
            throw new StopException(ExitCode.CONFIGURATION,
                    "--as " + claimed.model() + ": expected a model whose spec differs from that of " + lineage.model()
                            + " by its name only, found another spec; verify it by its own (--model " + claimed.model()
                            + ")");
        }
        if (claimed.firstOffset() != lineage.firstOffset()) {
            throw new StopException(ExitCode.CONFIGURATION,
                    "--as " + claimed.model() + ": expected a model that began at offset " + lineage.firstOffset()
                            + ", as " + lineage.model() + " did, found one that began at " + claimed.firstOffset()
                            + ": it has learned other events; verify it by its own (--model " + claimed.model() + ")");
        }
    }

    private VerifyResult run() {
        List<SnapshotManifest> published = PublishedManifests.read(options.kafka(), options.topics(), options.as())
                .stream().filter(manifest -> manifest.epoch() == claimed.epoch()).toList();
        SnapshotManifest target = target(published);
        requireOurs(target);
        weights.load(target.version()); // checks that the parts are those of the manifest
        try (TopicReader reader = new TopicReader(options.kafka(), lineage.log().topic())) {
            new LogPosition.Begin().asStart(lineage.model(), reader, lineage.firstOffset());
            StoredState live = options.version().isPresent() ? null : live();
            List<Checkpoint> checkpoints = checkpoints(published, target, live);
            Checkpoint last = checkpoints.getLast();
            new LogPosition.Offset(last.nextOffset()).asEnd(reader, Instant.EPOCH);
            return compare(reader, published, target, live, checkpoints);
        }
    }

    private SnapshotManifest target(List<SnapshotManifest> published) {
        OptionalLong version = options.version();
        if (published.isEmpty()) {
            throw new StopException(ExitCode.CONFIGURATION,
                    "model " + options.as() + ": expected a published version of epoch " + claimed.epoch()
                            + ", found none yet; a trainer publishes one with its first commits");
        }
        if (version.isEmpty()) {
            return published.getLast();
        }
        return published.stream().filter(manifest -> manifest.version() == version.getAsLong()).findFirst()
                .orElseThrow(() -> new StopException(ExitCode.CONFIGURATION,
                        "model " + options.as() + ": expected version " + version.getAsLong() + " on "
                                + options.topics().snapshots(options.as()) + ", found "
                                + published.stream().map(each -> "" + each.version()).collect(Collectors.joining(", "))
                                + "; verify one of these, or raise --keep-snapshots of the trainer"));
    }

    private void requireOurs(SnapshotManifest target) {
        if (target.numerics() != Numerics.VERSION) {
            throw new StopException(ExitCode.CONFIGURATION,
                    "model " + options.as() + ", version " + target.version() + ": expected numerics "
                            + Numerics.VERSION + " of this build, found a version learned with " + target.numerics()
                            + "; verify it with a build of those (tidegrad --version tells a build's numerics)");
        }
        if (!Arrays.equals(target.specFingerprint(), claimed.spec().fingerprint())) {
            throw new StopException(ExitCode.STATE_VIOLATION, "model " + options.as() + ", version " + target.version()
                    + ": expected one learned by the registered spec, found one of another spec");
        }
    }

    private @Nullable StoredState live() {
        return StoredState.read(claimed, Changelog.of(options.kafka(), options.topics(), claimed), options.kernels());
    }

    /// Returns everything to compare with, in the order of the log. The target, or the live state behind it, is the
    /// last.
    private List<Checkpoint> checkpoints(List<SnapshotManifest> published, SnapshotManifest target,
            @Nullable StoredState live) {
        List<Checkpoint> checkpoints = new ArrayList<>();
        long end = target.nextOffset();
        for (SnapshotManifest manifest : published) {
            if (manifest.nextOffset() <= end && manifest.numerics() == Numerics.VERSION) {
                checkpoints.add(checkpoint(manifest));
            }
        }
        if (live != null) {
            checkpoints.add(checkpoint(live));
            end = Math.max(end, live.nextOffset());
        }
        addProgress(checkpoints, end);
        checkpoints.sort(Comparator.comparingLong(Checkpoint::nextOffset).thenComparingLong(Checkpoint::version));
        return checkpoints;
    }

    private static Checkpoint checkpoint(SnapshotManifest manifest) {
        return new Checkpoint(manifest.nextOffset(), manifest.version(), manifest.weightsHash(), null,
                "snapshot " + manifest.epoch() + "." + manifest.version());
    }

    private static Checkpoint checkpoint(StoredState live) {
        OnlineModel model = live.model();
        String weightsHash = model.weightsHash();
        return new Checkpoint(live.nextOffset(), model.parameters().updates(), weightsHash,
                model.stateHash(weightsHash), live.name());
    }

    private void addProgress(List<Checkpoint> to, long end) {
        AvroCodec codec = new AvroCodec(registry);
        byte[] key = claimed.model().getBytes(StandardCharsets.UTF_8);
        for (TopicPartition partition : TopicReader.partitions(options.kafka(), options.topics().progress())) {
            try (TopicReader reader = new TopicReader(options.kafka(), partition)) {
                reader.read(reader.begin(), reader.end(), record -> {
                    // Comparisons of shadows lie on the same topic under other keys.
                    if (!Arrays.equals(record.key(), key)) {
                        return true;
                    }
                    Progress progress = progress(codec, record);
                    if (progress != null && progress.getEpoch() == claimed.epoch()
                            && !progress.getTime().isBefore(registered.createdAt())
                            && progress.getNextOffset() <= end) {
                        to.add(new Checkpoint(progress.getNextOffset(), progress.getVersion(),
                                progress.getWeightsHash(), progress.getStateHash(), "progress record"));
                    }
                    return true;
                });
            }
        }
    }

    /// Returns null for a record under the model's key that is not progress, which is logged and not compared with.
    private static @Nullable Progress progress(AvroCodec codec, ConsumerRecord<byte[], byte[]> record) {
        String why;
        try {
            if (record.value() != null) {
                return codec.decode(record.value(), Progress.class);
            }
            why = "no value";
        } catch (UndecodableException e) {
            why = String.valueOf(e.getMessage());
        }
        LOG.warn("{}-{} offset {}: expected a progress record, found {}; it is not compared with", record.topic(),
                record.partition(), record.offset(), why);
        return null;
    }

    /// What learning again gave at a checkpoint.
    private record Learned(long version, String weightsHash, String stateHash, long events) {
        /// @param as the spec whose fingerprint, which covers the model's name, goes into both hashes
        static Learned of(RelearnedModel relearned, ModelSpec as) {
            OnlineModel model = relearned.model();
            String weightsHash = ModelHash.weights(as.fingerprint(), model.parameters());
            return new Learned(model.parameters().updates(), weightsHash, model.stateHash(weightsHash),
                    relearned.events());
        }

        boolean agrees(Checkpoint checkpoint) {
            return checkpoint.version() == version && checkpoint.weightsHash().equals(weightsHash)
                    && (checkpoint.stateHash() == null || checkpoint.stateHash().equals(stateHash));
        }
    }

    private VerifyResult compare(TopicReader reader, List<SnapshotManifest> published, SnapshotManifest target,
            @Nullable StoredState live, List<Checkpoint> checkpoints) {
        Checkpoint wanted = checkpoint(target);
        List<Checkpoint> probes = probes(checkpoints, 0, checkpoints.size(), wanted);
        int equal = -1; // index of the last that agrees
        int different = checkpoints.size(); // index of the first that does not
        int compared = 0;
        Learned atTarget = null;
        Learned atDifferent = null;
        Learned newest = null;
        while (!probes.isEmpty()) {
            int found = -1;
            try (Relearning relearning = relearning(reader, probes.getLast().nextOffset())) {
                for (Checkpoint probe : probes) {
                    Learned learned = learned(relearning, probe);
                    newest = learned;
                    compared++;
                    if (probe.equals(wanted)) {
                        atTarget = learned;
                    }
                    if (!learned.agrees(probe)) {
                        found = checkpoints.indexOf(probe);
                        atDifferent = learned;
                        break;
                    }
                    equal = Math.max(equal, checkpoints.indexOf(probe));
                }
                nanos += relearning.nanos();
            }
            if (found < 0 && different == checkpoints.size()) {
                break; // all agree
            }
            different = found < 0 ? different : found;
            probes = probes(checkpoints, equal + 1, different, null);
        }
        VerifyResult.Difference difference = atDifferent == null ? null : difference(reader, published, live,
                equal < 0 ? null : checkpoints.get(equal), checkpoints.get(different), atDifferent);
        long events = Objects.requireNonNull(newest, "the target is probed").events();
        return new VerifyResult(claimed.model(), lineage.model(), claimed.epoch(), wanted, lineage.firstOffset(),
                lineage.rollbacks(), events, compared, atTarget == null ? null : atTarget.weightsHash(), difference,
                nanos);
    }

    /// Returns up to `PROBES` of the checkpoints from index `from` to `to` (exclusive), evenly, and the last one. The
    /// first pass also has every snapshot, whose number is bounded.
    ///
    /// @param always null after the first pass
    private static List<Checkpoint> probes(List<Checkpoint> checkpoints, int from, int to,
            @Nullable Checkpoint always) {
        List<Checkpoint> probes = new ArrayList<>();
        int count = to - from;
        int step = Math.max(1, Math.ceilDiv(count, PROBES));
        for (int i = from; i < to; i++) {
            Checkpoint checkpoint = checkpoints.get(i);
            if ((to - 1 - i) % step == 0 || always != null && !checkpoint.source().startsWith("progress")) {
                probes.add(checkpoint);
            }
        }
        return probes;
    }

    private Relearning relearning(TopicReader reader, long end) {
        RelearnedModel relearned =
                TimeTravel.again(options.kafka(), options.topics(), lineage, decoder, facts, false, options.kernels());
        return new Relearning(reader, List.of(relearned), end, listener, options.workers());
    }

    private Learned learned(Relearning relearning, Checkpoint at) {
        relearning.advance(at.nextOffset());
        return Learned.of(relearning.first(), claimed.spec());
    }

    /// Weights that another source keeps.
    private record Truth(long nextOffset, String source, Parameters parameters) {
    }

    private VerifyResult.Difference difference(TopicReader reader, List<SnapshotManifest> published,
            @Nullable StoredState live, @Nullable Checkpoint equal, Checkpoint different, Learned learned) {
        Truth truth = truth(published, live, different);
        TensorDifference tensor = null;
        if (truth != null) {
            try (Relearning relearning = relearning(reader, truth.nextOffset())) {
                relearning.advance(truth.nextOffset());
                tensor = TensorDifference.between(truth.parameters(), relearning.first().model().parameters());
                nanos += relearning.nanos();
            }
        }
        return new VerifyResult.Difference(equal, different, learned.version(), learned.weightsHash(),
                learned.stateHash(), truth == null ? null : truth.source(), tensor);
    }

    /// Returns the nearest weights at or after the difference, because later ones differ in more numbers. If only the
    /// state-hash differs, no snapshot can tell.
    private @Nullable Truth truth(List<SnapshotManifest> published, @Nullable StoredState live, Checkpoint different) {
        SnapshotManifest nearest = null;
        for (SnapshotManifest manifest : published) {
            if (manifest.nextOffset() >= different.nextOffset() && manifest.numerics() == Numerics.VERSION
                    && (nearest == null || manifest.nextOffset() < nearest.nextOffset())) {
                nearest = manifest;
            }
        }
        StoredState state = live == null ? live() : live;
        if (state != null && state.nextOffset() >= different.nextOffset()
                && (nearest == null || state.nextOffset() <= nearest.nextOffset())) {
            return new Truth(state.nextOffset(), "the " + state.name(), state.model().parameters());
        }
        return nearest == null ? null : new Truth(nearest.nextOffset(),
                "snapshot " + nearest.epoch() + "." + nearest.version(), weights.load(nearest.version()).parameters());
    }
}
