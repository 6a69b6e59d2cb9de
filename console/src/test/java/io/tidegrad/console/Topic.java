package io.tidegrad.console;

import io.tidegrad.control.CatalogRecord;
import io.tidegrad.control.ControlRecord;
import io.tidegrad.control.ProcessStatus;
import io.tidegrad.control.RunStatus;
import io.tidegrad.model.snapshot.Heartbeat;
import io.tidegrad.model.snapshot.SnapshotKey;
import io.tidegrad.model.snapshot.SnapshotManifest;
import io.tidegrad.model.snapshot.TrainerStatus;
import io.tidegrad.schemas.AsServed;
import io.tidegrad.schemas.AvroCodec;
import io.tidegrad.schemas.Comparison;
import io.tidegrad.schemas.DeadUnits;
import io.tidegrad.schemas.EpochOrigin;
import io.tidegrad.schemas.FieldSignal;
import io.tidegrad.schemas.LearnerHealth;
import io.tidegrad.schemas.MemberWeight;
import io.tidegrad.schemas.ModelRecord;
import io.tidegrad.schemas.Progress;
import io.tidegrad.schemas.SchemaRegistry;
import io.tidegrad.schemas.Stage;
import io.tidegrad.schemas.TensorHealth;
import io.tidegrad.schemas.Topics;
import io.tidegrad.schemas.Verdict;
import io.tidegrad.schemas.WatchedField;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.record.TimestampType;
import org.jspecify.annotations.Nullable;

/// Records as trainers, scorers and commands write them, by their own formats.
final class Topic {
    static final long NOW = 1_790_000_000_000L;
    static final String HASH = "ab".repeat(32);

    private final Topics topics;
    private final AvroCodec codec;
    private final int schemaId;
    private final int comparisonId;
    private final int verdictId;

    Topic(Topics topics, SchemaRegistry registry) {
        AvroCodec.trustOwnClasses();
        this.topics = topics;
        codec = new AvroCodec(registry);
        schemaId = registry.register(topics.progress() + "-value", Progress.getClassSchema());
        comparisonId =
                registry.register(topics.progress() + "-" + Comparison.class.getName(), Comparison.getClassSchema());
        verdictId = registry.register(topics.progress() + "-" + Verdict.class.getName(), Verdict.getClassSchema());
    }

    static ConsumerRecord<byte[], byte[]> record(String topic, byte @Nullable [] key, byte @Nullable [] value,
            RecordHeaders headers) {
        return new ConsumerRecord<>(topic, 0, 0, NOW, TimestampType.CREATE_TIME, -1, -1, key, value, headers,
                Optional.empty());
    }

    private static ConsumerRecord<byte[], byte[]> record(String topic, byte[] key, byte @Nullable [] value) {
        return record(topic, key, value, new RecordHeaders());
    }

    ConsumerRecord<byte[], byte[]> registered(String model) {
        return registered(model, "model: " + model + "\n");
    }

    /// @param spec its text
    ConsumerRecord<byte[], byte[]> registered(String model, String spec) {
        return registered(model, Stage.LIVE, spec, "events");
    }

    ConsumerRecord<byte[], byte[]> registeredOn(String model, String input) {
        return registered(model, Stage.LIVE, "model: " + model + "\n", input);
    }

    ConsumerRecord<byte[], byte[]> paused(String model) {
        return registered(model, Stage.PAUSED, "model: " + model + "\n", "events");
    }

    /// @param baseVersions the version that each epoch after the first goes on from, of the one before
    ConsumerRecord<byte[], byte[]> rolledBack(String model, long... baseVersions) {
        List<EpochOrigin> origins = new ArrayList<>();
        for (long base : baseVersions) {
            int epoch = origins.size() + 1;
            origins.add(EpochOrigin.newBuilder().setEpoch(epoch + 1).setBaseEpoch(epoch).setBaseVersion(base)
                    .setBaseNextOffset(7 + base).setBaseWeightsHash(HASH).setResumeOffset(7 + base).build());
        }
        return registered(model, Stage.LIVE, "model: " + model + "\n", "events", origins);
    }

    private ConsumerRecord<byte[], byte[]> registered(String model, Stage stage, String spec, String input) {
        return registered(model, stage, spec, input, List.of());
    }

    private ConsumerRecord<byte[], byte[]> registered(String model, Stage stage, String spec, String input,
            List<EpochOrigin> origins) {
        ModelRecord record = ModelRecord.newBuilder().setModel(model).setEpoch(1 + origins.size()).setSpec(spec)
                .setSpecFingerprint(HASH).setStage(stage).setCreatedAt(Instant.ofEpochMilli(NOW)).setInputTopic(input)
                .setInputTopicId("id").setStartOffset(7).setRollbacks(origins).build();
        return record(topics.models(), ControlRecord.key(model), CatalogRecord.encode(record));
    }

    ConsumerRecord<byte[], byte[]> deleted(String model) {
        return record(topics.models(), ControlRecord.key(model), null);
    }

    /// A report after so many events, one a millisecond.
    static Progress.Builder report(String model, long learned) {
        return Progress.newBuilder().setModel(model).setEpoch(1).setVersion(learned)
                .setTime(Instant.ofEpochMilli(NOW + learned)).setLearned(learned).setPending(0).setDeadLetters(2)
                .setLogLoss(0.41).setPriorLogLoss(0.52).setAuc(0.77).setNextOffset(7 + learned + 2).setWeightsHash(HASH)
                .setWindow(Map.of("log_loss", 0.4, "prior_log_loss", 0.5, "linear_log_loss", 0.45, "auc", 0.78,
                        "linear_auc", 0.74, "labels", 2_000.0, "predictions_tenth_0", 0.75, "predictions_tenth_1",
                        0.25));
    }

    /// What a newer trainer tells of the newest labels, too: what came of the probabilities, which are too extreme. From 0.9 on
    /// there are none.
    static Map<String, Double> calibrated() {
        Map<String, Double> window = new HashMap<>(Map.of("log_loss", 0.4, "prior_log_loss", 0.5, "linear_log_loss",
                0.45, "auc", 0.78, "linear_auc", 0.74, "labels", 2_000.0, "mean_label", 0.25, "calibration_slope", 0.8,
                "calibration_bias", -0.01, "calibration_error", 0.04));
        double[] shares = {0.5, 0.15, 0.1, 0.07, 0.06, 0.05, 0.04, 0.02, 0.01, 0};
        for (int tenth = 0; tenth < shares.length; tenth++) {
            window.put("predictions_tenth_" + tenth, shares[tenth]);
            if (shares[tenth] > 0) {
                window.put("mean_prediction_tenth_" + tenth, 0.1 * tenth + 0.04);
                window.put("mean_label_tenth_" + tenth, 0.08 * tenth + 0.1);
            }
        }
        return window;
    }

    /// How good answers turned out to be.
    static AsServed served() {
        return AsServed.newBuilder().setEpoch(1).setStage("live").setFromVersion(1).setToVersion(1_000)
                .setPredictions(900).setLogLoss(0.43).setAuc(0.75).setMeanPrediction(0.2).setMeanLabel(0.21)
                .setCalibrationError(0.02).build();
    }

    /// A recipe of two members, the first with a hidden layer of which some units are dead.
    ///
    /// @param name of the first tensor and of its layer
    static LearnerHealth learner(String name, String place, int dead) {
        return LearnerHealth.newBuilder().setUpdates(120).setTensors(List.of(tensor(name, place, 0.5, 1e-3, 0.01),
                tensor("1.0.bias", "steady", 0.01, 0.02, 0.02), tensor("1.1.weight", "linear", 0.25, 0.125, 0.004),
                tensor("1.1.table", "linear", 0, null, null))).setTensorsLeftOut(3)
                .setLayers(List.of(new DeadUnits("layer " + name, place, 64, dead, 256L),
                        new DeadUnits("layer 1.2 (Relu)", "steady", 8, 0, 0L)))
                .setLayersLeftOut(0).setPortfolio(List.of(new MemberWeight("steady", 0.625),
                        new MemberWeight("linear", 0.25), new MemberWeight("stacked", 0.125)))
                .build();
    }

    private static TensorHealth tensor(String name, String place, double norm, @Nullable Double step,
            @Nullable Double rate) {
        return TensorHealth.newBuilder().setName(name).setPlace(place).setWeights(100_000).setRead(50_000)
                .setNotFinite(0).setNorm(norm).setStep(step).setChange(step).setRate(rate).setLeast(-1.5f).setMost(2.5f)
                .setHistogram(List.of(0, 1, 3, 8, 20, 40, 60, 70, 60, 40, 20, 8, 3, 1, 0, 1)).build();
    }

    /// A number that a third of the newest events misses, and a category that is as ever.
    ///
    /// @param name of the number
    static List<WatchedField> fields(String name) {
        return List.of(WatchedField.newBuilder().setField(name).setMissing(new FieldSignal(0.34f, 0f, 0.01f, 900L))
                .setOutOfRange(new FieldSignal(0.002f, null, null, 0L))
                .setShape(new FieldSignal(0.04f, 0.01f, 0.05f, 0L)).setLeak(new FieldSignal(0.61f, 0.5f, 0.995f, 0L))
                .setMedian(4.5f).setMedianBefore(4.25f).setContribution(0.125f).build(),
                WatchedField.newBuilder().setField("country").setMissing(new FieldSignal(0f, 0f, 0f, 0L))
                        .setUnseen(new FieldSignal(0.01f, 0f, 0.02f, 0L)).setContribution(0.03125f).build());
    }

    ConsumerRecord<byte[], byte[]> progress(Progress report) {
        return record(topics.progress(), report.getModel().getBytes(StandardCharsets.UTF_8),
                codec.encode(schemaId, report));
    }

    /// A scorer's comparison of a shadow with the model that answers for a name.
    ConsumerRecord<byte[], byte[]> compared(String name, String shadow) {
        Comparison comparison = Comparison.newBuilder().setName(name).setModel(name).setEpoch(1).setVersion(1_000)
                .setShadow(shadow).setShadowEpoch(1).setShadowVersion(900).setScorer("host:8080-abc")
                .setSince(Instant.ofEpochMilli(NOW - 10_000)).setTime(Instant.ofEpochMilli(NOW)).setRecords(200)
                .setAgreed(190L).setMeanAbsoluteDifference(0.03).setGreatestAbsoluteDifference(0.25)
                .setMeanPrediction(0.21).setShadowMeanPrediction(0.24).setRefused(3).setDropped(1).build();
        return record(topics.progress(), (name + "~" + shadow).getBytes(StandardCharsets.UTF_8),
                codec.encode(comparisonId, comparison));
    }

    /// What verify found of versions up to 20,000; equal unless there is a detail.
    static Verdict.Builder verdict(String model, String detail) {
        return Verdict.newBuilder().setModel(model).setCommand("verify").setTime(Instant.ofEpochMilli(NOW))
                .setHost("machine-8").setBuild("0.1.0").setKernels("SCALAR").setEpoch(1).setVersion(20_000)
                .setFromOffset(7).setNextOffset(20_007).setEvents(20_000).setCompared(12).setEqual(detail.isEmpty())
                .setExpected(HASH).setFound(detail.isEmpty() ? HASH : "cd".repeat(32)).setDetail(detail);
    }

    /// What compare found of two models, of which one may be better.
    static Verdict.Builder pair(String model, String candidate, String better, String detail) {
        return verdict(model, detail).setCommand("compare").setEpoch(null).setEqual(null).setExpected(null)
                .setFound(null).setEvents(4_000).setCompared(0).setCandidate(candidate).setBetter(better);
    }

    ConsumerRecord<byte[], byte[]> told(Verdict verdict) {
        String pair = verdict.getCandidate().isEmpty() ? "" : "~" + verdict.getCandidate();
        return record(topics.progress(),
                (verdict.getModel() + "~~" + verdict.getCommand() + pair).getBytes(StandardCharsets.UTF_8),
                codec.encode(verdictId, verdict));
    }

    ConsumerRecord<byte[], byte[]> decision(ControlRecord decision) {
        return record(topics.control(), decision.key(), decision.encode());
    }

    ConsumerRecord<byte[], byte[]> status(ProcessStatus status) {
        return record(topics.status(), status.key(), status.encode());
    }

    /// What a trainer or joiner says of the only model or stream that it runs.
    static RunStatus running(RunStatus.Role role, String id, boolean stopped, RunStatus.Run run) {
        return new RunStatus(role.word() + "/" + id, role, stopped, NOW, NOW - 60_000, 300_000_000, 1_500_000_000,
                "machine-7", "10.0.0.7:8081", "0.1.0", "", 0, List.of(run));
    }

    /// @param appended when the broker took it, epoch ms
    ConsumerRecord<byte[], byte[]> status(RunStatus status, long appended) {
        return status(status.key(), status.encode(), appended);
    }

    ConsumerRecord<byte[], byte[]> status(ProcessStatus status, long appended) {
        return status(status.key(), status.encode(), appended);
    }

    private ConsumerRecord<byte[], byte[]> status(byte[] key, byte[] value, long appended) {
        return new ConsumerRecord<>(topics.status(), 0, 0, appended, TimestampType.LOG_APPEND_TIME, -1, -1, key, value,
                new RecordHeaders(), Optional.empty());
    }

    ConsumerRecord<byte[], byte[]> heartbeat(String model, long version, boolean caughtUp) {
        return record(topics.snapshots(model), SnapshotKey.HEARTBEAT.encode(),
                new Heartbeat(1, version, 7 + version + 2, caughtUp, NOW).encode());
    }

    ConsumerRecord<byte[], byte[]> trainer(String model, TrainerStatus status) {
        return record(topics.snapshots(model), SnapshotKey.STATUS.encode(), status.encode());
    }

    ConsumerRecord<byte[], byte[]> published(String model, long version) {
        return published(model, version, NOW);
    }

    /// @param appended when the newest event was that the version learned
    ConsumerRecord<byte[], byte[]> published(String model, long version, long appended) {
        SnapshotManifest manifest = new SnapshotManifest(model, 1, version, -1, "model: " + model + "\n", new byte[32],
                new byte[32], 1, version, 7 + version, appended, Long.MIN_VALUE, true, 0.42, 0.52, 0.8, 0.76, 1, 4_096,
                HASH, List.of(), 4_096, SnapshotManifest.Chain.ofFull(version, NOW), null, List.of(), new byte[0]);
        return record(topics.snapshots(model), SnapshotKey.manifest(1, version).encode(), manifest.encode());
    }

    ConsumerRecord<byte[], byte[]> part(String model, long version) {
        return record(topics.snapshots(model), SnapshotKey.part(1, version, 0).encode(), new byte[]{1, 2, 3});
    }

    ConsumerRecord<byte[], byte[]> deadLetter(String model, String reason, String detail, byte[] value) {
        RecordHeaders headers = new RecordHeaders();
        Map.of("tidegrad-reason", reason, "tidegrad-detail", detail, "tidegrad-topic", "events", "tidegrad-partition",
                "0", "tidegrad-offset", "11", "tidegrad-model", model)
                .forEach((name, text) -> headers.add(name, text.getBytes(StandardCharsets.UTF_8)));
        return record(topics.deadLetters(), "key".getBytes(StandardCharsets.UTF_8), value, headers);
    }
}
