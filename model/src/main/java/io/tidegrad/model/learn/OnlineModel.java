package io.tidegrad.model.learn;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.layer.Workers;
import io.tidegrad.engine.model.Batch;
import io.tidegrad.engine.model.Fault;
import io.tidegrad.engine.model.Inspection;
import io.tidegrad.engine.model.Learner;
import io.tidegrad.engine.model.Parameters;
import io.tidegrad.engine.model.Plan;
import io.tidegrad.engine.model.RowShape;
import io.tidegrad.engine.snapshot.ModelHash;
import io.tidegrad.model.binary.BinaryReader;
import io.tidegrad.model.binary.BinaryWriter;
import io.tidegrad.model.evaluation.LabelArrival;
import io.tidegrad.model.evaluation.ProgressiveEvaluation;
import io.tidegrad.model.evaluation.ServedEvaluation;
import io.tidegrad.model.feature.LearnedClasses;
import io.tidegrad.model.feature.Rejection;
import io.tidegrad.model.feature.Row;
import io.tidegrad.model.feature.SliceValues;
import io.tidegrad.model.safetensors.InitialWeightsException;
import io.tidegrad.model.safetensors.SafetensorsImport;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.model.spec.Quarantine;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/// A model that learns row by row: the engine's state, the rows of the unfinished batch, stream time and progressive
/// evaluation. Its state is a pure function of (spec, rows and ticks in order); it uses no clock and no thread.
/// Trainer, replay and tests all use this class. Accepting a row allocates nothing.
///
/// With a quarantine in the spec a row is judged when it arrives, by itself and by the weights of that moment. One that is
/// beyond a bound changes nothing, and so the state is that of a log without it, whatever the size of batches.
///
/// With `on-change` in the spec it reacts to errors that are not what they have been (`Reactions`).
///
/// A batch ends when it is full, when a tick arrives, or when stream time crosses the end of the spec's window; the row
/// that crosses it opens the next batch.
public final class OnlineModel {
    private static final String CARRY_MAGIC = "TGCA";
    private static final int CARRY_FORMAT = 7;

    /// Of a model whose labels are yes or no and that has a linear baseline: with what that scored of the newest rows.
    private static final int CARRY_FORMAT_OF_RANKS = 9;

    /// Of a model that learns what its classes are; their names stand behind the pending rows.
    private static final int CARRY_FORMAT_OF_CLASSES = 8;

    /// Of a mixture with mini-batches: each pending row has what members gave it when it was predicted. Else it is as that of
    /// the same labels without members.
    private static final int CARRY_FORMAT_OF_MEMBERS = 10;

    /// Earlier formats, which are read: without how well fields tell the label, and with slices that have no AUC, both of
    /// which begin anew; without a period of event time, which begins anew, too; without the count of events that failed,
    /// which begins anew; with an evaluation of the newest labels that knows no fields, which begins anew; without
    /// one; and without what was served.
    private static final int CARRY_FORMAT_WITHOUT_LEAKS = 6;
    private static final int CARRY_FORMAT_WITHOUT_PERIOD = 5;
    private static final int CARRY_FORMAT_WITHOUT_DIVERGENCE = 4;
    private static final int CARRY_FORMAT_WITHOUT_FIELDS = 3;
    private static final int CARRY_FORMAT_SINCE_THE_BEGINNING = 2;
    private static final int CARRY_FORMAT_UNSERVED = 1;

    private final ModelSpec spec;
    private final boolean weighted;
    private final byte[] fingerprint;
    private final Parameters parameters;
    private Learner learner;
    private long finiteAt = -1; // the update count at which all weights were last found finite
    private final Kernels kernels;
    private final RowShape shape;
    private final Batch open;
    private final int memberOutputs; // of a pending row, as far as they are known; 0 if no row ever waits with some
    private final int sliced; // fields by which the evaluation tells rows apart
    private final long[] openTimes; // of the open batch's rows
    private final SliceValues openSlices; // of the open batch, row after row
    private final Quarantine quarantine;
    private final Batch judged; // the row that is judged
    private long quarantined;
    private final @Nullable Reactions reactions; // null if the spec has none
    private final Divergence divergence;
    private final long windowMillis; // 0 when the spec has no window
    private long openWindow; // number of the window that the open batch belongs to
    private final @Nullable LearnedClasses classes; // null: the spec says what they are, if there are some
    private final StreamTime streamTime;
    private final RecentRows recent;
    private ProgressiveEvaluation evaluation;
    private ServedEvaluation served;
    private LabelArrival arrival = new LabelArrival();
    private @Nullable FieldContributions contributions; // null until it is first asked
    private @Nullable LearnedRows watcher;
    private EvaluationTape.@Nullable Recorder recorder; // null: it evaluates itself
    private @Nullable EvaluationBehind behind; // what the recorder records for; null if somebody else evaluates
    private @Nullable Consumer<Batch> batches; // gets each one that was learned

    private OnlineModel(ModelSpec spec, Kernels kernels, Plan plan, Parameters parameters) {
        this.spec = spec;
        weighted = spec.weighted();
        this.kernels = kernels;
        this.parameters = parameters;
        fingerprint = spec.fingerprint();
        shape = plan.spec().row();
        learner = new Learner(parameters, kernels, spec.miniBatch());
        open = new Batch(shape, spec.miniBatch());
        memberOutputs = spec.miniBatch() == 1 ? 0 : plan.memberOutputs();
        sliced = spec.watch().slices().size();
        openTimes = new long[spec.miniBatch()];
        openSlices = new SliceValues(spec.miniBatch() * sliced);
        quarantine = spec.quarantine();
        judged = new Batch(shape, 1);
        reactions = Reactions.of(spec);
        divergence = new Divergence(spec);
        Duration window = spec.window();
        windowMillis = window == null ? 0 : window.toMillis();
        classes = spec.label().learnsClasses() ? new LearnedClasses(spec) : null;
        streamTime = new StreamTime(spec.input().maxAhead().toMillis());
        recent = new RecentRows(shape);
        evaluation = new ProgressiveEvaluation(spec);
        served = new ServedEvaluation(spec);
    }

    /// Returns a new model with weights drawn from the spec's seed or read from its initial weights; all pages are
    /// dirty.
    ///
    /// @throws InitialWeightsException the spec names initial weights that are missing, have another checksum, or don't
    ///     fit the network
    public static OnlineModel initial(ModelSpec spec, Kernels kernels) {
        Plan plan = Plan.of(spec.network());
        Parameters parameters = Parameters.initial(plan);
        ModelSpec.InitialWeights weights = spec.initialWeights();
        if (weights != null) {
            SafetensorsImport.read(spec, weights, parameters);
        }
        return new OnlineModel(spec, kernels, plan, parameters);
    }

    /// Returns an empty model, to be filled by `Parameters.writePage`, `Parameters.setCounts` and `restoreCarry`.
    public static OnlineModel blank(ModelSpec spec, Kernels kernels) {
        Plan plan = Plan.of(spec.network());
        return new OnlineModel(spec, kernels, plan, Parameters.blank(plan));
    }

    public ModelSpec spec() {
        return spec;
    }

    /// Whether no event has been accepted, neither learned nor pending.
    boolean isUntouched() {
        return parameters.examples() == 0 && open.size() == 0;
    }

    public Parameters parameters() {
        return parameters;
    }

    /// Shares every step among workers from now on; the bits stay the same. The owner of the workers closes them after the
    /// last row.
    public void shareAmong(Workers workers) {
        learner = new Learner(parameters, kernels, spec.miniBatch(), workers);
    }

    /// The learner, to be warmed up before the first row (`Learner.warmUp`).
    public Learner learner() {
        return learner;
    }

    public Kernels kernels() {
        return kernels;
    }

    /// The classes of a model that learns what they are; null of another one.
    public @Nullable LearnedClasses classes() {
        return classes;
    }

    /// Names of the classes, each at its index: those that the spec says, or those that were learned by now; empty
    /// where there are none.
    public List<String> classNames() {
        return classes == null ? spec.label().classes() : classes.names();
    }

    RowShape shape() {
        return shape;
    }

    /// Stream time: the newest plausible event time (epoch ms); `Row.NO_TIME` before the first.
    public long eventTime() {
        return streamTime.now();
    }

    /// Copies the row into the open batch and learns when the batch is full or a window ends. Returns null when the row
    /// was accepted, else why it was not: its event time lies implausibly far ahead (see `StreamTime`), there is no
    /// room for its class (see `LearnedClasses`), the spec quarantines it or, at mini-batch size 1 or with a
    /// quarantine, its loss is not finite. A rejected row changes neither weights nor batch nor evaluation.
    ///
    /// @throws ModelDivergedException the loss of a row in a larger batch is not finite, or weights that are not finite
    ///     caused it, or so many fail that it is not the rows (see `Divergence`)
    public @Nullable Rejection accept(Row row) {
        long time = row.eventTime;
        if (time != Row.NO_TIME && !streamTime.admits(time)) {
            Rejection rejection = new Rejection(Rejection.Reason.FUTURE_TIME, "expected an event time up to "
                    + Instant.ofEpochMilli(streamTime.now() + spec.input().maxAhead().toMillis())
                    + " (max-ahead of stream time " + Instant.ofEpochMilli(streamTime.now()) + "), found "
                    + Instant.ofEpochMilli(time) + "; after a real gap in the stream, send a tick with an event time");
            streamTime.rejected(time);
            return rejection;
        }
        Rejection refusal = classes == null ? null : classes.find(row);
        if (refusal == null && quarantine.judges()) {
            refusal = judge(row);
        }
        if (refusal != null) {
            return refusal;
        }
        if (open.capacity() == 1) {
            // At mini-batch size 1 a row can be rejected after the step was tried: the learner has changed nothing.
            appendOpen(row);
            double loss = learn();
            if (Double.isNaN(loss)) {
                Rejection rejection = blame();
                open.resize(0);
                return rejection;
            }
            rowAccepted(row);
            evaluate();
            return null;
        }
        rowAccepted(row);
        if (windowMillis > 0 && time != Row.NO_TIME) {
            long window = Math.floorDiv(streamTime.now(), windowMillis);
            if (open.size() > 0 && window != openWindow) {
                learnOpen();
            }
            openWindow = window;
        }
        appendOpen(row);
        if (open.size() == open.capacity()) {
            learnOpen();
        }
        return null;
    }

    private void rowAccepted(Row row) {
        if (classes != null) {
            classes.accepted();
        }
        recent.add(row);
        if (recorder == null) {
            evaluation.recent().accepted(row);
        } else {
            recorder.accepted(row);
        }
        if (row.eventTime != Row.NO_TIME) {
            streamTime.accepted(row.eventTime);
        }
    }

    private void appendOpen(Row row) {
        openTimes[open.size()] = row.eventTime;
        if (sliced > 0) {
            openSlices.copy(open.size() * sliced, row.slices, 0, sliced);
        }
        append(row, open);
    }

    private void append(Row row, Batch to) {
        int at = to.size();
        System.arraycopy(row.numbers, 0, to.numbers, at * shape.numbers(), shape.numbers());
        System.arraycopy(row.ids, 0, to.ids, at * shape.ids(), shape.ids());
        System.arraycopy(row.labels, 0, to.labels, at * shape.labels(), shape.labels());
        if (weighted) {
            to.sampleWeights[at] = row.weight;
        }
        to.setMemberOutputs(at, row.memberOutputs);
        to.resize(at + 1);
    }

    /// Judges a row by the present weights. Returns why it is refused, or null.
    private @Nullable Rejection judge(Row row) {
        judged.resize(0);
        append(row, judged);
        double loss = learner.judge(judged);
        if (loss > quarantine.loss()) {
            return quarantined("loss", quarantine.loss(), loss);
        }
        if (learner.fault() == null && quarantine.judgesGradients()) {
            double norm = learner.judgeGradient(judged);
            if (learner.fault() == null && norm > quarantine.gradient()) {
                return quarantined("gradient", quarantine.gradient(), norm);
            }
        }
        return learner.fault() == null ? null : blame();
    }

    private Rejection quarantined(String what, double bound, double found) {
        quarantined++;
        return new Rejection(Rejection.Reason.QUARANTINED, "quarantine." + what + ": expected at most " + bound
                + " by version " + parameters.updates() + ", found " + found);
    }

    /// Decides whether the row or the weights caused a loss that is not finite: if all weights are finite, the row did.
    /// It checks all weights, not only those changed since the last commit, because the answer must not depend on when
    /// that was. Consecutive bad rows are checked once.
    private Rejection blame() {
        if (finiteAt != parameters.updates()) {
            int page = parameters.firstNonFinitePage();
            if (page >= 0) {
                throw diverged("page " + page + " of the weights is not finite");
            }
            finiteAt = parameters.updates();
        }
        String fault = faultOf("");
        divergence.refused();
        if (divergence.isReached()) {
            throw diverged(divergence.describe(fault));
        }
        return new Rejection(Rejection.Reason.NOT_FINITE, "the model can't learn from this event: " + fault);
    }

    /// Describes where the last step failed, with the place of the layer in the spec.
    ///
    /// @param event what the message calls the row, whose number follows; empty for the one that has just come
    private String faultOf(String event) {
        Fault fault = Objects.requireNonNull(learner.fault());
        String row = fault.row() < 0 || event.isEmpty() ? "" : event + (fault.row() + 1) + ", ";
        return "update " + fault.step() + ", " + row + fault.where() + spec.placeInNetwork(fault.where()) + ": "
                + fault.what();
    }

    private double learn() {
        if (reactions != null) {
            learner.multiplyRate(reactions.rateMultiplier(parameters));
        }
        return learner.learn(open);
    }

    private void learnOpen() {
        double loss = learn();
        if (Double.isNaN(loss)) {
            throw diverged("in a mini-batch of " + open.size() + ", " + faultOf("the event accepted as its number "));
        }
        evaluate();
    }

    private ModelDivergedException diverged(String what) {
        return new ModelDivergedException("model '" + spec.model() + "' diverged at update " + parameters.updates()
                + ": " + what + "; "
                + (spec.recipe() == null
                        ? "lower the optimizer's rate, standardise the features (scale: standard) or take recipe: auto,"
                        : "lower the recipe's rate,")
                + " and start a new epoch");
    }

    private void evaluate() {
        float[] predictions = learner.predictions();
        float[] losses = learner.rowLosses();
        int outputs = parameters.plan().outputs();
        for (int row = 0; row < open.size(); row++) {
            if (recorder == null) {
                count(evaluation, open, row, openSlices, openTimes[row], streamTime.now(), predictions, row * outputs,
                        losses[row]);
            } else {
                recorder.learned(predictions, row * outputs, losses[row], streamTime.now());
            }
            divergence.learned(predictions, row * outputs, open.labels[row * shape.labels()]);
            if (divergence.isReached()) {
                throw diverged(divergence.describe("it predicted " + predictions[row * outputs]));
            }
            if (reactions != null) {
                reactions.learned(predictions, row * outputs, open.labels, row * shape.labels());
            }
            if (watcher != null) {
                watcher.learned(predictions, row * outputs, open.labels, row * shape.labels(), losses[row],
                        open.sampleWeights[row]);
            }
            if (recorder != null) {
                recorder.shown();
            }
        }
        if (reactions != null) {
            reactions.react(parameters);
        }
        if (batches != null) {
            batches.accept(open);
        }
        open.resize(0);
    }

    /// Counts a row that was learned.
    ///
    /// @param slices of the rows, row after row
    /// @param time of the row's event
    /// @param predictions of the row, from index `at`
    static void count(ProgressiveEvaluation evaluation, Batch rows, int row, SliceValues slices, long time,
            long streamTime, float[] predictions, int at, float loss) {
        int labelAt = row * rows.row().labels();
        evaluation.recent().learned(rows, row, rows.labels[labelAt], rows.sampleWeights[row], null);
        evaluation.recent().next(slices, row, time, streamTime);
        evaluation.addRow(predictions, at, rows.labels, labelAt, loss, rows.sampleWeights[row]);
    }

    /// Handles a tick: learns the open batch, if it has rows.
    public void tick() {
        if (open.size() > 0) {
            learnOpen();
        }
    }

    /// Handles a tick with an event time (epoch ms): raises stream time to at least that, without the plausibility rule
    /// for rows.
    public void tick(long eventTime) {
        tick();
        streamTime.advance(eventTime);
        if (recorder == null) {
            evaluation.recent().timeIs(streamTime.now());
        } else {
            recorder.timeIs(streamTime.now());
        }
    }

    /// Rows accepted but not yet learned.
    public int pending() {
        return open.size();
    }

    /// Rows that the spec's quarantine refused.
    public long quarantined() {
        return quarantined;
    }

    /// What the network is like inside now (`Learner.inspect`). Changes nothing that is learned.
    public Inspection inspect() {
        return learner.inspect();
    }

    /// By how much predictions change without each watched field, as a mean over rows that were looked at when this was asked
    /// (`FieldContributions`); empty while there were none. Changes nothing that is learned.
    public Map<String, Double> contributions() {
        if (contributions == null) {
            contributions = new FieldContributions(this);
        }
        return contributions.look(this);
    }

    /// How often the model has reacted to errors that were not what they had been.
    public long reactions() {
        return reactions == null ? 0 : reactions.count();
    }

    /// How many more examples the rate is raised for.
    public long raisedFor() {
        return reactions == null ? 0 : reactions.raisedFor(parameters);
    }

    /// Of all rows that were learned; what is evaluated behind learning is so first.
    public ProgressiveEvaluation evaluation() {
        evaluateAll();
        return evaluation;
    }

    /// Evaluates what was learned and is not evaluated yet, if that happens behind learning.
    public void evaluateAll() {
        EvaluationBehind behind = this.behind;
        if (behind != null) {
            behind.finish();
        }
    }

    /// Evaluates from now on behind learning: what is returned evaluates some rows, and returns whether there were any. Another
    /// thread may call it, as often as it likes. No weight depends on that, and the evaluation is the same. This thread
    /// evaluates what is left when somebody asks for it, when the carry is written, or when too much waits, so that memory is
    /// bounded.
    ///
    /// @param failed makes the exception to throw then, of one that was thrown by an evaluation
    /// @return null, and nothing changes, if a mini-batch has more than a megabyte of rows, which would have to be copied
    public @Nullable BooleanSupplier evaluateBehind(Function<Throwable, RuntimeException> failed) {
        if (!EvaluationBehind.isFor(spec)) {
            return null;
        }
        evaluateAll();
        EvaluationBehind behind = new EvaluationBehind(this, evaluation, failed);
        behind.begin(open, openTimes, openSlices);
        this.behind = behind;
        recorder = behind.recorder();
        return behind::evaluateNext;
    }

    /// About how many bytes of memory a row takes.
    public static long rowBytes(ModelSpec spec) {
        return spec.layout().rowBytes() + (long) Float.BYTES * spec.labels()
                + (long) (SliceValues.TEXT_MAX + Integer.BYTES + Long.BYTES) * spec.watch().slices().size();
    }

    /// How good what was served turned out to be.
    public ServedEvaluation served() {
        return served;
    }

    /// How the labels of a stream come.
    public LabelArrival arrival() {
        return arrival;
    }

    /// Shows each row that is learned from now on to `rows`, once the evaluation has counted it.
    public void watch(LearnedRows rows) {
        watcher = rows;
    }

    /// Records from now on what an evaluation has to see: another thread evaluates, and this model does not. So its carry must
    /// not be written.
    ///
    /// @throws IllegalStateException it has accepted a row, or evaluates behind learning
    public void record(EvaluationTape.Recorder by) {
        if (!isUntouched() || behind != null) {
            throw new IllegalStateException("expected a model without a row that evaluates itself, found "
                    + parameters.examples() + " examples and " + open.size() + " pending ones");
        }
        recorder = by;
    }

    /// Shows each mini-batch that is learned from now on to `batches`, which must not keep or change it.
    public void watchBatches(Consumer<Batch> batches) {
        this.batches = batches;
    }

    /// Restarts the evaluation from zero, so that two models can be compared over the same rows. Learning does not
    /// change.
    public void restartEvaluation() {
        evaluation = evaluation().restarted(spec);
        if (behind != null) {
            behind.evaluate(evaluation);
        }
        served = new ServedEvaluation(spec);
        arrival = new LabelArrival();
    }

    /// Features of up to 4 of the newest accepted rows, for golden rows. Don't modify the batch.
    public Batch recentRows() {
        return recent.batch();
    }

    /// Encodes the state that is not in pages: pending rows, stream time, recent rows and evaluations, in a
    /// little-endian format with a format number and a checksum. It takes a few tens of KB plus the pending rows.
    public byte[] carry() {
        evaluateAll();
        BinaryWriter to = new BinaryWriter(CARRY_MAGIC, carryFormat(), 32_768);
        to.int32(shape.numbers()).int32(shape.ids()).int32(shape.labels()).int32(open.capacity());
        writePending(to);
        if (classes != null) {
            classes.write(to);
        }
        to.int64(openWindow);
        if (quarantine.judges()) {
            to.int64(quarantined);
        }
        if (reactions != null) {
            reactions.write(to);
        }
        streamTime.write(to);
        recent.write(to);
        evaluation.write(to);
        served.write(to);
        evaluation.recent().write(to);
        divergence.write(to);
        if (spec.stream() != null) {
            arrival.write(to);
        }
        writePeriod(to);
        evaluation.recent().writeLeaks(to);
        if (evaluation.recent().ranksLinear()) {
            evaluation.recent().writeLinearScores(to);
        }
        if (sliced > 0) {
            evaluation.recent().writeSlices(to);
            for (int i = 0; i < open.size() * sliced; i++) {
                openSlices.write(to, i);
            }
        }
        return to.seal();
    }

    /// The least number that says what is in it, so that builds which read that number read the carry.
    private int carryFormat() {
        if (memberOutputs > 0) {
            return CARRY_FORMAT_OF_MEMBERS;
        }
        return classes != null ? CARRY_FORMAT_OF_CLASSES
                : evaluation.recent().ranksLinear() ? CARRY_FORMAT_OF_RANKS : CARRY_FORMAT;
    }

    /// @throws CarryFormatException the carry is damaged, or of another format or spec; the message says what was
    ///     expected and found. The model must not be used afterwards
    public void restoreCarry(byte[] carry) {
        BinaryReader from = new BinaryReader(carry, "carry of model '" + spec.model() + "'", CARRY_MAGIC,
                classes == null ? CARRY_FORMAT_UNSERVED : CARRY_FORMAT_OF_CLASSES, carryFormat(),
                CarryFormatException::new);
        if (classes == null && from.format() == CARRY_FORMAT_OF_CLASSES) {
            throw from.fail("expected format " + CARRY_FORMAT_UNSERVED + " to " + CARRY_FORMAT + ", or " + carryFormat()
                    + ", found " + from.format() + ", which is of a model that learns what its classes are");
        }
        from.expect("numbers a row", shape.numbers());
        from.expect("ids a row", shape.ids());
        from.expect("labels a row", shape.labels());
        from.expect("mini-batch size", open.capacity());
        int size = from.count("pending rows", open.capacity());
        from.floats(open.numbers, 0, size * shape.numbers());
        from.ints(open.ids, 0, size * shape.ids());
        from.floats(open.labels, 0, size * shape.labels());
        if (weighted) {
            from.floats(open.sampleWeights, 0, size);
        }
        for (int i = 0; i < size; i++) {
            boolean known = from.format() == CARRY_FORMAT_OF_MEMBERS
                    && from.count("whether outputs of members are known", 1) == 1;
            open.setMemberOutputs(i, known ? from.newFloats(memberOutputs) : Row.UNKNOWN);
        }
        open.resize(size);
        if (classes != null) {
            classes.read(from);
        }
        openWindow = from.int64();
        quarantined = quarantine.judges() ? from.int64() : 0;
        if (reactions != null) {
            reactions.read(from);
        }
        streamTime.read(from);
        recent.read(from);
        evaluation = new ProgressiveEvaluation(spec);
        evaluation.read(from);
        served = new ServedEvaluation(spec);
        if (from.format() > CARRY_FORMAT_UNSERVED) {
            served.read(from);
        }
        if (from.format() == CARRY_FORMAT_WITHOUT_FIELDS) {
            from.raw(from.remaining());
        } else if (from.format() > CARRY_FORMAT_SINCE_THE_BEGINNING) {
            evaluation.recent().read(from);
        }
        if (from.format() > CARRY_FORMAT_WITHOUT_DIVERGENCE) {
            divergence.read(from);
        }
        arrival = new LabelArrival();
        if (spec.stream() != null && from.remaining() > 0) { // else an earlier build wrote it
            arrival.read(from);
        }
        readPeriod(from);
        if (from.format() > CARRY_FORMAT_WITHOUT_LEAKS) {
            evaluation.recent().readLeaks(from);
        }
        if (from.format() >= CARRY_FORMAT_OF_RANKS && evaluation.recent().ranksLinear()) {
            evaluation.recent().readLinearScores(from);
        }
        readSlices(from);
        from.end();
    }

    /// What is measured by event time, as a block, because the next spec of the model may have another period.
    private void writePeriod(BinaryWriter to) {
        BinaryWriter block = new BinaryWriter();
        for (int i = 0; i < open.size(); i++) {
            block.int64(openTimes[i]);
        }
        evaluation.recent().writePeriod(block);
        to.block(block.toBytes());
    }

    private void readPeriod(BinaryReader from) {
        Arrays.fill(openTimes, Row.NO_TIME);
        if (from.format() > CARRY_FORMAT_WITHOUT_PERIOD) {
            byte[] bytes = from.raw(from.int32());
            BinaryReader block = BinaryReader.bare(bytes, 0, bytes.length,
                    "what model '" + spec.model() + "' measures by event time", CarryFormatException::new);
            for (int i = 0; i < open.size(); i++) {
                openTimes[i] = block.int64();
            }
            evaluation.recent().readPeriod(block);
        }
    }

    /// Slices stand last, because the next spec of the model may have others: then they begin anew.
    private void readSlices(BinaryReader from) {
        if (from.format() > CARRY_FORMAT_WITHOUT_LEAKS && from.remaining() > 0 && sliced > 0
                && evaluation.recent().readSlices(from)) {
            for (int i = 0; i < open.size() * sliced; i++) {
                openSlices.read(from, i);
            }
        } else {
            openSlices.forget(open.size() * sliced);
            from.raw(from.remaining());
        }
    }

    private void writePending(BinaryWriter to) {
        int size = open.size();
        to.int32(size).floats(open.numbers, 0, size * shape.numbers()).ints(open.ids, 0, size * shape.ids())
                .floats(open.labels, 0, size * shape.labels());
        if (weighted) {
            to.floats(open.sampleWeights, 0, size);
        }
        for (int i = 0; i < size && memberOutputs > 0; i++) {
            float[] outputs = open.memberOutputs(i);
            to.int32(outputs.length > 0 ? 1 : 0).floats(outputs, 0, outputs.length);
        }
    }

    /// The weights-hash, 64 hex digits; see `ModelHash`.
    public String weightsHash() {
        return ModelHash.weights(fingerprint, parameters);
    }

    public String stateHash() {
        return stateHash(weightsHash());
    }

    /// @param weightsHash the present weights-hash; the weights are not read again
    public String stateHash(String weightsHash) {
        BinaryWriter pending = new BinaryWriter();
        writePending(pending);
        if (classes != null) {
            classes.writeNames(pending);
        }
        return ModelHash.state(weightsHash, parameters, pending.toBytes());
    }
}
