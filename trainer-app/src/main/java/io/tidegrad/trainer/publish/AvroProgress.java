package io.tidegrad.trainer.publish;

import io.tidegrad.control.Lineage;
import io.tidegrad.engine.model.Inspection;
import io.tidegrad.model.evaluation.ChangeAlarm.Reading;
import io.tidegrad.model.evaluation.ServedEvaluation;
import io.tidegrad.model.evaluation.SliceEvaluation;
import io.tidegrad.model.feature.Row;
import io.tidegrad.process.ExitCode;
import io.tidegrad.process.StopException;
import io.tidegrad.schemas.AsServed;
import io.tidegrad.schemas.AvroCodec;
import io.tidegrad.schemas.ChangeAlarm;
import io.tidegrad.schemas.Progress;
import io.tidegrad.schemas.SchemaRegistry;
import io.tidegrad.schemas.Slice;
import io.tidegrad.trainer.store.ModelStore;
import io.tidegrad.trainer.store.Report;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/// Writes progress as Avro in Confluent's wire format.
public final class AvroProgress {
    private final Lineage lineage;
    private final int schemaId;
    private final AvroCodec codec;

    private AvroProgress(Lineage lineage, int schemaId, AvroCodec codec) {
        this.lineage = lineage;
        this.schemaId = schemaId;
        this.codec = codec;
    }

    /// Registers the schema, so that `write` needs no registry.
    public static AvroProgress register(Lineage lineage, String topic, SchemaRegistry registry) {
        String subject = topic + "-value";
        int schemaId;
        try {
            schemaId = registry.register(subject, Progress.getClassSchema());
        } catch (SchemaRegistry.IncompatibleSchemaException e) {
            throw new StopException(ExitCode.CONFIGURATION,
                    "model " + lineage.model()
                            + ": expected the schema registry to take the schema of progress records under subject "
                            + subject + ", found that it refused it: " + e.getMessage()
                            + "; another application or environment uses this subject: correct --registry-url or"
                            + " --prefix, or delete the subject",
                    e);
        }
        return new AvroProgress(lineage, schemaId, new AvroCodec(registry));
    }

    /// Returns a report as the value of a record on the progress topic.
    public byte[] write(ModelStore store, Report report) {
        long eventTime = store.model().eventTime();
        Inspection inspection = report.inspection();
        Progress progress = Progress.newBuilder().setModel(lineage.model()).setEpoch(lineage.epoch())
                .setVersion(report.version()).setTime(Instant.ofEpochMilli(store.clock().epochMillis()))
                .setLearned(store.model().parameters().examples()).setPending(store.model().pending())
                .setDeadLetters(store.accounts().deadLetters()).setQuarantined(report.quarantined())
                .setReactions(report.reactions()).setRateRaisedFor(report.raisedFor())
                .setLogLoss(number(report.logLoss())).setPriorLogLoss(number(report.priorLogLoss()))
                .setAccuracy(number(report.accuracy())).setAccuracyLast2000(number(report.accuracyLast2000()))
                .setAuc(number(report.auc())).setMeanSquaredError(number(report.meanSquaredError()))
                .setPriorMeanSquaredError(number(report.priorMeanSquaredError()))
                .setMeanAbsoluteError(number(report.meanAbsoluteError())).setNextOffset(report.nextOffset())
                .setEventTime(eventTime == Row.NO_TIME ? null : Instant.ofEpochMilli(eventTime))
                .setWeightsHash(report.weightsHash()).setStateHash(report.stateHash())
                .setAsServed(report.served().stream().map(AvroProgress::figures).toList())
                .setAsServedVersions(report.servedVersions().stream().map(AvroProgress::figures).toList())
                .setWindow(report.window()).setPeriod(report.period())
                .setAlarms(report.alarms().stream().map(AvroProgress::alarm).toList()).setLabelArrival(report.arrival())
                .setSlices(report.slices().stream().map(AvroProgress::slice).toList())
                .setLearner(inspection == null ? null : AvroInspection.of(inspection, lineage.spec()))
                .setFields(AvroFields.of(store.model())).build();
        return codec.encode(schemaId, progress);
    }

    private static ChangeAlarm alarm(Reading alarm) {
        return ChangeAlarm.newBuilder().setSignal(alarm.signal().kind().word()).setField(alarm.signal().field())
                .setLasted(alarm.lasted()).setLeast(alarm.least()).setMost(alarm.most()).setNow(alarm.now())
                .setMessage(alarm.message()).build();
    }

    private static Slice slice(SliceEvaluation.Slice of) {
        return Slice.newBuilder().setField(of.field()).setValue(of.value()).setLabels(of.labels())
                .setMissed(of.missed()).setAll(of.all()).setRecent(of.recent()).build();
    }

    private static AsServed figures(ServedEvaluation.Figures of) {
        return AsServed.newBuilder().setEpoch(of.epoch()).setStage(of.stage().code()).setFromVersion(of.from())
                .setToVersion(of.to()).setPredictions(of.predictions()).setLogLoss(number(of.logLoss()))
                .setBrierScore(number(of.brier())).setAccuracy(number(of.accuracy())).setAuc(number(of.auc()))
                .setMeanSquaredError(number(of.meanSquaredError())).setMeanAbsoluteError(number(of.meanAbsoluteError()))
                .setMeanPrediction(number(of.meanPrediction())).setMeanLabel(number(of.meanLabel()))
                .setCalibrationError(number(of.calibrationError())).build();
    }

    private static @Nullable Double number(double value) {
        return Double.isNaN(value) ? null : value;
    }
}
