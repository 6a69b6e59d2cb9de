package io.tidegrad.trainer;

import static io.tidegrad.ops.measure.Measure.counter;
import static io.tidegrad.ops.measure.Measure.gauge;
import static io.tidegrad.ops.measure.Measure.inHealth;

import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import io.tidegrad.engine.model.Inspection;
import io.tidegrad.model.evaluation.ChangeAlarm;
import io.tidegrad.model.evaluation.ProgressiveEvaluation;
import io.tidegrad.model.evaluation.RecentEvaluation;
import io.tidegrad.model.evaluation.ServedEvaluation;
import io.tidegrad.model.evaluation.Signal;
import io.tidegrad.model.evaluation.SliceEvaluation;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.model.stream.Served;
import io.tidegrad.ops.measure.Measure;
import io.tidegrad.ops.measure.Measures;
import io.tidegrad.ops.measure.ProcessMeters;
import io.tidegrad.trainer.store.CommittedState;
import io.tidegrad.trainer.store.Report;
import io.tidegrad.trainer.store.RestoreProgress;
import io.tidegrad.trainer.store.SnapshotTotals;
import io.tidegrad.trainer.store.StoreKind;
import io.tidegrad.trainer.store.StoreStatus;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Function;
import java.util.function.ToDoubleFunction;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// All numbers about a model that learns, in `/health` and in `/metrics`. Those that are read from a commit are
/// durable, so that a reader of the topics sees the same.
final class TrainerMeasures {
    private static final Measure<ModelTrainer> LAG =
            Measure.<ModelTrainer>gauge("tidegrad.lag.offsets", "offsets between the watermark and the end of the log",
                    model -> model.lag() < 0 ? null : model.lag()).field("lag");
    private static final Measure<ModelTrainer> FLUSH = Measure
            .<ModelTrainer>gauge("tidegrad.flush.seconds", "what the last commit took",
                    model -> model.flushTime().toNanos())
            .per(1e9).field("flush_ms", nanos -> nanos.longValue() / 1_000_000);
    private static final Measure<ModelTrainer> DEAD_LETTER_SHARE =
            Measure.<ModelTrainer>gauge("tidegrad.dead.letter.ratio", "of the events of the last minute, 0 to 1",
                    ModelTrainer::deadLetterShare).field("dead_letter_share");
    private static final Measure<ModelTrainer> SET_ASIDE = Measure.<ModelTrainer>counter("tidegrad.events.set.aside",
            "events that ended two lives of the trainer in a row", ModelTrainer::eventsSetAside)
            .field("events_set_aside");
    private static final Measures<ModelTrainer> PROCESS = Measures.of(LAG, FLUSH, DEAD_LETTER_SHARE, SET_ASIDE,
            gauge("tidegrad.restore.progress.ratio", "of pages and of events to learn again, 0 to 1",
                    TrainerMeasures::restored),
            gauge("tidegrad.standstill.seconds", "without a commit while there is something to learn",
                    model -> model.standstill().toNanos() / 1e9),
            gauge("tidegrad.standby", "1 while another trainer learns the model", model -> model.standsBy() ? 1 : 0));

    private static final Measures<RestoreProgress> RESTORE =
            Measures.of(inHealth("pages", RestoreProgress::pagesRestored), inHealth("pages_of", RestoreProgress::pages),
                    inHealth("bytes", RestoreProgress::bytes), inHealth("redo_events", RestoreProgress::redone),
                    inHealth("redo_events_of", RestoreProgress::toRedo));

    private static final Measures<StoreStatus> STORE = Measures.of(
            Measure.<StoreStatus>gauge("tidegrad.commit.interval.seconds",
                    "until the next commit, while there is something to commit", StoreStatus::commitIntervalMillis)
                    .seconds().field("commit_interval_ms"),
            Measure.<StoreStatus>gauge("tidegrad.changed.bytes",
                    "of the pages that changed between the last two commits", StoreStatus::changedBytes)
                    .field("changed_bytes"),
            inHealth("changed_bytes_per_second", StoreStatus::changedBytesPerSecond),
            gauge("tidegrad.store.image.and.redo", "1 where the model is kept as image and redo, 0 where as page log",
                    store -> store.kind() == StoreKind.IMAGE_AND_REDO ? 1 : 0));

    private static final Measures<StoreStatus> IMAGE = Measures.of(
            Measure.<StoreStatus>gauge("tidegrad.image.number", "of the newest whole image", StoreStatus::image)
                    .field("number"),
            inHealth("watermark", StoreStatus::imageOffset),
            inHealth("next_pages", store -> store.imagePages() < 0 ? null : store.imagePages()),
            inHealth("pages", StoreStatus::pages),
            gauge("tidegrad.image.progress.ratio", "of the image being written, 0 to 1; NaN when there is none",
                    store -> store.imagePages() < 0 ? null : (double) store.imagePages() / store.pages()),
            Measure.<StoreStatus>gauge("tidegrad.redo.events", "that a restart would learn again",
                    StoreStatus::redoEvents).field("redo_events"),
            Measure.<StoreStatus>gauge("tidegrad.redo.seconds", "about how long a restart would learn again",
                    StoreStatus::redoMillis).seconds().field("redo_ms"),
            Measure.<StoreStatus>gauge("tidegrad.retention.left.seconds",
                    "until retention may delete what a restart would learn again", TrainerMeasures::retentionLeft)
                    .seconds().field("retention_left_ms", Number::longValue));

    private static final Measures<CommittedState> LEARNED = Measures.of(
            Measure.<CommittedState>gauge("tidegrad.model.version", "committed update count", CommittedState::version)
                    .field("version"),
            Measure.<CommittedState>gauge("tidegrad.watermark.offset", "next offset of the log",
                    CommittedState::nextOffset).field("watermark"),
            Measure.<CommittedState>counter("tidegrad.examples.learned", "rows learned", CommittedState::examples)
                    .field("learned"),
            Measure.<CommittedState>gauge("tidegrad.pending.rows", "rows waiting for their batch",
                    CommittedState::pending).field("pending"),
            Measure.<CommittedState>counter("tidegrad.dead.letters", "events that can't be learned",
                    committed -> committed.accounts().deadLetters()).field("dead_letters"),
            counter("tidegrad.events.accepted", "events taken: learned or pending",
                    committed -> committed.accounts().accepted()));
    private static final Measures<CommittedState> TICKS_AND_PUBLISHED =
            Measures.of(inHealth("ticks", committed -> committed.accounts().ticks()),
                    Measure.<CommittedState>gauge("tidegrad.published.version", "version of the newest snapshot",
                            CommittedState::publishedVersion)
                            .field("published_version", version -> version.longValue() < 0 ? null : version));
    private static final Measures<CommittedState> COMMITS = Measures
            .of(Measure.<CommittedState>counter("tidegrad.commits", "commits with changes", CommittedState::commits)
                    .field("commits"));

    private static final String PUBLISHED = "snapshots since the process started, by kind";
    private static final String PUBLISHED_BYTES = "bytes of the records of those snapshots";
    private static final Measures<SnapshotTotals> SNAPSHOTS = Measures.of(
            Measure.<SnapshotTotals>counter("tidegrad.snapshots.published", PUBLISHED, SnapshotTotals::fulls)
                    .label("kind", "full").field("fulls"),
            Measure.<SnapshotTotals>counter("tidegrad.snapshots.published", PUBLISHED, SnapshotTotals::deltas)
                    .label("kind", "delta").field("deltas"),
            Measure.<SnapshotTotals>counter("tidegrad.snapshots.published.bytes", PUBLISHED_BYTES,
                    SnapshotTotals::fullBytes).label("kind", "full").field("full_bytes"),
            Measure.<SnapshotTotals>counter("tidegrad.snapshots.published.bytes", PUBLISHED_BYTES,
                    SnapshotTotals::deltaBytes).label("kind", "delta").field("delta_bytes"),
            Measure.<SnapshotTotals>counter("tidegrad.snapshots.buried", "snapshots retired", SnapshotTotals::buried)
                    .field("buried"),
            Measure.<SnapshotTotals>gauge("tidegrad.snapshots.chain.deltas", "deltas since the newest full snapshot",
                    SnapshotTotals::chain).field("chain"),
            Measure.<SnapshotTotals>gauge("tidegrad.snapshots.retained", "snapshots on the topic",
                    SnapshotTotals::retained).field("retained"),
            Measure.<SnapshotTotals>gauge("tidegrad.snapshots.retained.bytes", "bytes of their records",
                    SnapshotTotals::retainedBytes).field("retained_bytes"),
            Measure.<SnapshotTotals>gauge("tidegrad.snapshots.unsent.parts",
                    "parts of a full snapshot that is spread over commits", SnapshotTotals::unsentParts)
                    .field("unsent_parts"));

    private static final Measures<Report> REPORT = Measures.of(
            Measure.<Report>gauge("tidegrad.log.loss.nats", "progressive log loss", Report::logLoss).field("log_loss"),
            Measure.<Report>gauge("tidegrad.prior.log.loss.nats", "of the running prior", Report::priorLogLoss)
                    .field("prior_log_loss"),
            Measure.<Report>gauge("tidegrad.accuracy", "progressive accuracy", Report::accuracy).field("accuracy"),
            inHealth("accuracy_last_2000", Report::accuracyLast2000),
            Measure.<Report>gauge("tidegrad.auc", "progressive area under the ROC curve", Report::auc).field("auc"),
            Measure.<Report>gauge("tidegrad.mean.squared.error", "progressive mean squared error",
                    Report::meanSquaredError).field("mean_squared_error"),
            Measure.<Report>gauge("tidegrad.prior.mean.squared.error", "of the running mean",
                    Report::priorMeanSquaredError).field("prior_mean_squared_error"),
            Measure.<Report>gauge("tidegrad.mean.absolute.error", "progressive mean absolute error",
                    Report::meanAbsoluteError).field("mean_absolute_error"),
            Measure.<Report>counter("tidegrad.events.quarantined", "events beyond a bound of the spec's quarantine",
                    Report::quarantined).field("quarantined"),
            Measure.<Report>counter("tidegrad.reactions", "changes of the error to which the model has reacted",
                    Report::reactions).field("reactions"),
            Measure.<Report>gauge("tidegrad.rate.raised.examples", "examples that the rate is raised for from now on",
                    Report::raisedFor).field("rate_raised_for"),
            Measure.<Report>gauge("tidegrad.dead.unit.ratio",
                    "of the units behind a relu or the like, 0 to 1, that were 0 for all of the newest 256 rows looked at",
                    report -> inspected(report, Inspection::deadShare)).field("dead_unit_share"),
            Measure.<Report>gauge("tidegrad.step.ratio",
                    "of one update to the weights, root mean squares, of the matrix or table where it is largest",
                    report -> inspected(report, Inspection::stepRatio)).field("step_ratio"));

    private static @Nullable Double inspected(Report report, ToDoubleFunction<Inspection> measure) {
        Inspection inspection = report.inspection();
        double value = inspection == null ? Double.NaN : measure.applyAsDouble(inspection);
        return Double.isNaN(value) ? null : value;
    }

    /// Of the newest labels.
    private static final Measures<Report> WINDOW =
            new Measures<>(newest("tidegrad.window.", "of the newest 2,000 labels: ", Report::window).toList());

    /// Of the spec's period.
    private static final Measures<Report> PERIOD = new Measures<>(Stream
            .concat(newest("tidegrad.period.", "of the spec's period of event time: ", Report::period),
                    Stream.of(Measure.<Report>counter("tidegrad.period.late.labels",
                            "labels that came too late for the spec's period of event time",
                            report -> report.period().get(RecentEvaluation.LATE)).field(RecentEvaluation.LATE)))
            .toList());

    private static Stream<Measure<Report>> newest(String prefix, String of,
            Function<Report, Map<String, Double>> measures) {
        return RecentEvaluation.MEASURES.stream()
                .map(each -> Measure.<Report>gauge(prefix + each.series(), of + each.help() + " (" + each.unit() + ")",
                        report -> measures.apply(report).get(each.name())).field(each.name()));
    }

    /// How the labels of a stream come.
    private static final Measures<Report> ARRIVAL =
            Measures.of(delay("0.5", "delay_p50"), delay("0.9", "delay_p90"), delay("0.99", "delay_p99"),
                    Measure.<Report>gauge("tidegrad.label.labelled.ratio",
                            "of the newest 2,000 first examples the share that had their label",
                            report -> report.arrival().get("labelled")).field("labelled"),
                    Measure.<Report>gauge("tidegrad.label.answered.ratio",
                            "of the newest 2,000 first examples the share that the model had answered",
                            report -> report.arrival().get("answered")).field("answered"));

    private static Measure<Report> delay(String quantile, String name) {
        return Measure.<Report>gauge("tidegrad.label.delay.seconds",
                "event time between event and label, of the newest 2,000 labels", report -> report.arrival().get(name))
                .label("quantile", quantile).field(name);
    }

    /// Of each signal of a model that is watched.
    private static Measures<Report> signals(ModelSpec spec) {
        return new Measures<>(
                new ProgressiveEvaluation(spec).recent().readings().stream().map(ChangeAlarm.Reading::signal)
                        .flatMap(signal -> Stream.of(
                                signal(Measure::gauge, "tidegrad.alarm", "1 while the signal is not what it has been",
                                        signal, reading -> reading.isOn() ? 1 : 0),
                                signal(Measure::counter, "tidegrad.alarms", "how often there was such an alarm", signal,
                                        ChangeAlarm.Reading::raised),
                                signal(Measure::gauge, "tidegrad.signal", "what the signal is since it changed last",
                                        signal, ChangeAlarm.Reading::now)))
                        .toList());
    }

    /// Of a model that learns what its classes are.
    private static final Measures<Report> CLASSES = Measures.of(
            Measure.<Report>gauge("tidegrad.classes.learned", "classes that have a name",
                    report -> report.classes().size()).field("learned"),
            Measure.<Report>gauge("tidegrad.classes.room", "classes for which there is room", Report::classRoom)
                    .field("room"),
            Measure.<Report>counter("tidegrad.classes.refused.events",
                    "events that were refused because there was no room for their class", Report::classesRefused)
                    .field("refused"));

    /// Makes a measure by its name, its help and its value.
    @FunctionalInterface
    private interface Maker {
        Measure<Report> of(String name, String help, Function<Report, @Nullable Number> value);
    }

    private static Measure<Report> signal(Maker maker, String name, String help, Signal signal,
            Function<ChangeAlarm.Reading, Number> value) {
        return maker.of(name, help, report -> {
            ChangeAlarm.Reading reading = report.reading(signal);
            return reading == null ? null : value.apply(reading);
        }).label("signal", signal.kind().word()).label("field", signal.field().isEmpty() ? "-" : signal.field());
    }

    /// Of the newest epoch that has served, by stage.
    private static final Measures<Report> SERVED = new Measures<>(Arrays.stream(Served.Stage.values())
            .flatMap(stage -> Stream.of(
                    served(stage, "predictions", "served predictions whose label is known",
                            ServedEvaluation.Figures::predictions),
                    served(stage, "log.loss.nats", "as served: log loss", ServedEvaluation.Figures::logLoss),
                    served(stage, "brier.score", "as served: mean squared error of probabilities",
                            ServedEvaluation.Figures::brier),
                    served(stage, "accuracy", "as served: accuracy", ServedEvaluation.Figures::accuracy),
                    served(stage, "auc", "as served: area under the ROC curve", ServedEvaluation.Figures::auc),
                    served(stage, "mean.squared.error", "as served: mean squared error",
                            ServedEvaluation.Figures::meanSquaredError),
                    served(stage, "mean.absolute.error", "as served: mean absolute error",
                            ServedEvaluation.Figures::meanAbsoluteError),
                    served(stage, "mean.prediction", "as served: mean prediction",
                            ServedEvaluation.Figures::meanPrediction),
                    served(stage, "mean.label", "as served: what the mean prediction should have been",
                            ServedEvaluation.Figures::meanLabel),
                    served(stage, "calibration.error", "as served: expected calibration error",
                            ServedEvaluation.Figures::calibrationError)))
            .toList());

    private static final Measures<Report> NOT_SERVED = Measures.of(
            Measure.<Report>gauge("tidegrad.served.unreadable.examples",
                    "examples whose served prediction can't be read", Report::servedUnreadable)
                    .field("served_unreadable"),
            Measure.<Report>gauge("tidegrad.served.forgotten.labels",
                    "labels of epochs whose served predictions are not kept", Report::servedForgotten)
                    .field("served_forgotten"));

    private TrainerMeasures() {}

    private static Measure<Report> served(Served.Stage stage, String name, String help,
            Function<ServedEvaluation.Figures, Number> value) {
        return Measure.<Report>gauge("tidegrad.served." + name, help, report -> {
            ServedEvaluation.Figures figures = report.servedNow(stage);
            return figures == null ? null : value.apply(figures);
        }).label("stage", stage.code());
    }

    /// Adds the series of a model to `/metrics`.
    static void register(ModelTrainer model, MeterRegistry registry) {
        Tags tags = Tags.of("model", model.lineage().model());
        Gauge.builder(ProcessMeters.MODEL, () -> 1).description(ProcessMeters.MODEL_HELP)
                .tags(ProcessMeters.ofModel(model.lineage().model(), model.lineage().epoch(),
                        HexFormat.of().formatHex(model.lineage().spec().fingerprint())))
                .register(registry);
        PROCESS.register(registry, tags, model, each -> each);
        LEARNED.register(registry, tags, model, ModelTrainer::committed);
        TICKS_AND_PUBLISHED.register(registry, tags, model, ModelTrainer::committed);
        COMMITS.register(registry, tags, model, ModelTrainer::committed);
        STORE.register(registry, tags, model, TrainerMeasures::store);
        IMAGE.register(registry, tags, model, TrainerMeasures::store);
        SNAPSHOTS.register(registry, tags, model, TrainerMeasures::snapshots);
        REPORT.register(registry, tags, model, TrainerMeasures::report);
        WINDOW.register(registry, tags, model, TrainerMeasures::report);
        if (model.lineage().spec().watch().period() != null) {
            PERIOD.register(registry, tags, model, TrainerMeasures::report);
        }
        if (model.lineage().spec().label().learnsClasses()) {
            CLASSES.register(registry, tags, model, TrainerMeasures::report);
        }
        ARRIVAL.register(registry, tags, model, TrainerMeasures::report);
        signals(model.lineage().spec()).register(registry, tags, model, TrainerMeasures::report);
        SERVED.register(registry, tags, model, TrainerMeasures::report);
        NOT_SERVED.register(registry, tags, model, TrainerMeasures::report);
    }

    private static @Nullable StoreStatus store(ModelTrainer model) {
        CommittedState committed = model.committed();
        return committed == null ? null : committed.store();
    }

    private static SnapshotTotals snapshots(ModelTrainer model) {
        CommittedState committed = model.committed();
        return committed == null ? SnapshotTotals.NONE : committed.snapshots();
    }

    private static @Nullable Report report(ModelTrainer model) {
        CommittedState committed = model.committed();
        return committed == null ? null : committed.report();
    }

    /// Writes how far behind the log a model is.
    static void lag(ModelTrainer model, Map<String, @Nullable Object> said) {
        LAG.write(model, said::put);
    }

    static Map<String, @Nullable Object> restore(RestoreProgress progress) {
        Map<String, @Nullable Object> said = new LinkedHashMap<>();
        RESTORE.write(progress, said::put);
        return said;
    }

    /// Writes what was committed last, as one commit left it.
    static void committed(ModelTrainer model, CommittedState committed, Map<String, @Nullable Object> said) {
        StoreStatus store = committed.store();
        said.put("store", store.kind().word());
        said.put("store_reason", store.reason());
        STORE.write(store, said::put);
        Map<String, @Nullable Object> image = new LinkedHashMap<>();
        IMAGE.write(store, image::put);
        said.put("image", image);
        FLUSH.write(model, said::put);
        LEARNED.write(committed, said::put);
        DEAD_LETTER_SHARE.write(model, said::put);
        SET_ASIDE.write(model, said::put);
        TICKS_AND_PUBLISHED.write(committed, said::put);
        Map<String, @Nullable Object> snapshots = new LinkedHashMap<>();
        SNAPSHOTS.write(committed.snapshots(), snapshots::put);
        said.put("snapshots", snapshots);
        COMMITS.write(committed, said::put);
        Report report = committed.report();
        if (report != null) {
            Map<String, @Nullable Object> reported = new LinkedHashMap<>();
            reported.put("watermark", report.nextOffset());
            reported.put("version", report.version());
            reported.put("weights_hash", report.weightsHash());
            reported.put("state_hash", report.stateHash());
            Map<String, @Nullable Object> window = new LinkedHashMap<>();
            WINDOW.write(report, window::put);
            reported.put("window", window);
            reported.put("period", report.period());
            reported.put("alarms", report.alarms().stream().map(TrainerMeasures::alarm).toList());
            Map<String, @Nullable Object> arrival = new LinkedHashMap<>();
            ARRIVAL.write(report, arrival::put);
            reported.put("label_arrival", arrival);
            if (report.classRoom() > 0) {
                Map<String, @Nullable Object> classes = new LinkedHashMap<>();
                CLASSES.write(report, classes::put);
                classes.put("names", report.classes());
                reported.put("classes", classes);
            }
            reported.put("slices", report.slices().stream().map(TrainerMeasures::slice).toList());
            REPORT.write(report, reported::put);
            NOT_SERVED.write(report, reported::put);
            reported.put("as_served", report.served().stream().map(TrainerMeasures::served).toList());
            said.put("report", reported);
        }
    }

    private static Map<String, @Nullable Object> slice(SliceEvaluation.Slice slice) {
        Map<String, @Nullable Object> said = new LinkedHashMap<>();
        said.put("field", slice.field());
        said.put("value", slice.value());
        said.put("labels", slice.labels());
        said.put("missed", slice.missed());
        said.put("all", slice.all());
        said.put("recent", slice.recent());
        return said;
    }

    private static Map<String, Object> alarm(ChangeAlarm.Reading alarm) {
        return Map.of("signal", alarm.signal().kind().word(), "field", alarm.signal().field(), "lasted", alarm.lasted(),
                "message", alarm.message());
    }

    private static final Measures<ServedEvaluation.Figures> FIGURES = Measures.of(
            inHealth("from_version", ServedEvaluation.Figures::from),
            inHealth("to_version", ServedEvaluation.Figures::to),
            inHealth("predictions", ServedEvaluation.Figures::predictions),
            inHealth("log_loss", ServedEvaluation.Figures::logLoss),
            inHealth("brier_score", ServedEvaluation.Figures::brier),
            inHealth("accuracy", ServedEvaluation.Figures::accuracy), inHealth("auc", ServedEvaluation.Figures::auc),
            inHealth("mean_squared_error", ServedEvaluation.Figures::meanSquaredError),
            inHealth("mean_absolute_error", ServedEvaluation.Figures::meanAbsoluteError),
            inHealth("mean_prediction", ServedEvaluation.Figures::meanPrediction),
            inHealth("mean_label", ServedEvaluation.Figures::meanLabel),
            inHealth("calibration_error", ServedEvaluation.Figures::calibrationError));

    private static Map<String, @Nullable Object> served(ServedEvaluation.Figures figures) {
        Map<String, @Nullable Object> said = new LinkedHashMap<>();
        said.put("epoch", figures.epoch());
        said.put("stage", figures.stage().code());
        FIGURES.write(figures, said::put);
        return said;
    }

    /// Returns milliseconds, at least 0; infinite if retention deletes nothing that a restart needs.
    private static double retentionLeft(StoreStatus store) {
        return store.retainedUntilMillis() == Long.MAX_VALUE ? Double.POSITIVE_INFINITY
                : Math.max(0, store.retainedUntilMillis() - System.currentTimeMillis());
    }

    /// Returns how far a restore has come, of which the pages count half and the events to learn again the other half.
    private static double restored(ModelTrainer model) {
        if (model.committed() != null) {
            return 1;
        }
        RestoreProgress progress = model.restoring();
        double pages = progress.pages() == 0 ? 0 : (double) progress.pagesRestored() / progress.pages();
        double redo = progress.toRedo() == 0 ? 0 : (double) progress.redone() / progress.toRedo();
        return (pages + redo) / 2;
    }
}
