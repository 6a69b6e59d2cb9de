package io.tidegrad.model.learn;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.model.Batch;
import io.tidegrad.engine.model.Fault;
import io.tidegrad.engine.model.Learner;
import io.tidegrad.engine.model.Parameters;
import io.tidegrad.engine.model.Plan;
import io.tidegrad.engine.model.RowShape;
import io.tidegrad.engine.snapshot.ModelHash;
import io.tidegrad.model.binary.BinaryReader;
import io.tidegrad.model.binary.BinaryWriter;
import io.tidegrad.model.feature.Rejection;
import io.tidegrad.model.feature.Row;
import io.tidegrad.model.safetensors.InitialWeightsException;
import io.tidegrad.model.safetensors.SafetensorsImport;
import io.tidegrad.model.spec.ModelSpec;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/// A model that learns row by row: engine state, the rows of the unfinished batch, stream time and progressive
/// evaluation. A pure function of (spec, rows and ticks in order); no clock, no thread. Trainer, replay and tests fold
/// events through this same class. Accepting a row allocates nothing.
///
/// A batch ends when it is full, when a tick comes, and when stream time crosses an edge of the spec's window: the
/// crossing row opens the next batch.
public final class OnlineModel {
    private static final String CARRY_MAGIC = "TGCA";
    private static final int CARRY_FORMAT = 1;

    private final ModelSpec spec;
    private final boolean weighted;
    private final byte[] fingerprint;
    private final Parameters parameters;
    private final Learner learner;
    private long finiteAt = -1; // updates after which all weights were seen to be finite
    private final Kernels kernels;
    private final RowShape shape;
    private final Batch open;
    private final long windowMillis; // 0 without
    private long openWindow; // number of the window that the open batch belongs to
    private final StreamTime streamTime;
    private final RecentRows recent;
    private ProgressiveEvaluation evaluation;

    private OnlineModel(ModelSpec spec, Kernels kernels, Plan plan, Parameters parameters) {
        this.spec = spec;
        weighted = spec.weightField() != null;
        this.kernels = kernels;
        this.parameters = parameters;
        fingerprint = spec.fingerprint();
        shape = plan.spec().row();
        learner = new Learner(parameters, kernels, spec.miniBatch());
        open = new Batch(shape, spec.miniBatch());
        Duration window = spec.window();
        windowMillis = window == null ? 0 : window.toMillis();
        streamTime = new StreamTime(spec.input().maxAhead().toMillis());
        recent = new RecentRows(shape);
        evaluation = new ProgressiveEvaluation(spec);
    }

    /// Fresh from the spec's seed, or from its initial weights; everything dirty.
    ///
    /// @throws InitialWeightsException the spec names weights that are not there, are others, or don't fit
    public static OnlineModel initial(ModelSpec spec, Kernels kernels) {
        Plan plan = Plan.of(spec.network());
        Parameters parameters = Parameters.initial(plan);
        ModelSpec.InitialWeights weights = spec.initialWeights();
        if (weights != null) {
            SafetensorsImport.read(Path.of(weights.file()), weights.sha256(), parameters);
        }
        return new OnlineModel(spec, kernels, plan, parameters);
    }

    /// Empty, to be filled by `Parameters.writePage`, `Parameters.setCounts` and `restoreCarry`.
    public static OnlineModel blank(ModelSpec spec, Kernels kernels) {
        Plan plan = Plan.of(spec.network());
        return new OnlineModel(spec, kernels, plan, Parameters.blank(plan));
    }

    public ModelSpec spec() {
        return spec;
    }

    public Parameters parameters() {
        return parameters;
    }

    /// For warm-up before the first row (`Learner.warmUp`).
    public Learner learner() {
        return learner;
    }

    public Kernels kernels() {
        return kernels;
    }

    /// Newest plausible event time (epoch ms), `Row.NO_TIME` before the first.
    public long eventTime() {
        return streamTime.now();
    }

    /// Copies the row into the open batch, learns when the batch is full (or a window edge is crossed). Null when
    /// accepted; else why not, and neither weights, batch nor evaluation have changed: its event time lies implausibly
    /// far ahead (see `StreamTime`), or, at mini-batch size 1, its loss is not finite.
    ///
    /// @throws ModelDivergedException the loss of an accepted row is not finite in a larger batch, or weights that are
    ///     not finite are to blame
    public @Nullable Rejection accept(Row row) {
        long time = row.eventTime;
        if (time != Row.NO_TIME && !streamTime.admits(time)) {
            Rejection rejection = new Rejection(Rejection.Reason.FUTURE_TIME, "expected an event time up to "
                    + Instant.ofEpochMilli(streamTime.now() + spec.input().maxAhead().toMillis())
                    + " (max-ahead of stream time " + Instant.ofEpochMilli(streamTime.now()) + "), found "
                    + Instant.ofEpochMilli(time) + "; a tick with an event time moves a stream over a true gap");
            streamTime.rejected(time);
            return rejection;
        }
        if (open.capacity() == 1) {
            // Alone in its batch a row can be refused after it was tried: the learner has changed
            // nothing.
            append(row);
            double loss = learner.learn(open);
            if (Double.isNaN(loss)) {
                Rejection rejection = blame();
                open.resize(0);
                return rejection;
            }
            score();
            rowAccepted(row);
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
        append(row);
        if (open.size() == open.capacity()) {
            learnOpen();
        }
        return null;
    }

    private void rowAccepted(Row row) {
        recent.add(row);
        if (row.eventTime != Row.NO_TIME) {
            streamTime.accepted(row.eventTime);
        }
    }

    private void append(Row row) {
        int at = open.size();
        System.arraycopy(row.numbers, 0, open.numbers, at * shape.numbers(), shape.numbers());
        System.arraycopy(row.ids, 0, open.ids, at * shape.ids(), shape.ids());
        System.arraycopy(row.labels, 0, open.labels, at * shape.labels(), shape.labels());
        if (weighted) {
            open.sampleWeights[at] = row.weight;
        }
        open.resize(at + 1);
    }

    /// A loss that is not finite with weights that are: the row did it. All weights are looked at, not only those that
    /// changed since the last commit, or the answer would depend on when that was; but once for rows in a row.
    private Rejection blame() {
        if (finiteAt != parameters.updates()) {
            int page = parameters.firstNonFinitePage();
            if (page >= 0) {
                throw diverged("page " + page + " of the weights is not finite");
            }
            finiteAt = parameters.updates();
        }
        return new Rejection(Rejection.Reason.NOT_FINITE, "the model can't learn from this event: " + faultOf(""));
    }

    /// Where the last step went wrong, with the place of the layer in the spec.
    ///
    /// @param event how its row is called; a number follows where there are several
    private String faultOf(String event) {
        Fault fault = Objects.requireNonNull(learner.fault());
        String row = fault.row() < 0 ? "" : open.capacity() == 1 ? "" : event + (fault.row() + 1) + ", ";
        return "update " + fault.step() + ", " + row + fault.where() + spec.placeInNetwork(fault.where()) + ": "
                + fault.what();
    }

    private void learnOpen() {
        double loss = learner.learn(open);
        if (Double.isNaN(loss)) {
            throw diverged("in a mini-batch of " + open.size() + ", " + faultOf("the event accepted as its number "));
        }
        score();
    }

    private ModelDivergedException diverged(String what) {
        return new ModelDivergedException("model '" + spec.model() + "' diverged at update " + parameters.updates()
                + ": " + what + "; lower the optimizer's rate or standardise the features (scale: standard),"
                + " and start a new epoch");
    }

    private void score() {
        float[] predictions = learner.predictions();
        float[] losses = learner.rowLosses();
        int outputs = parameters.plan().outputs();
        for (int row = 0; row < open.size(); row++) {
            evaluation.add(predictions, row * outputs, open.labels[row * shape.labels()], losses[row],
                    open.sampleWeights[row]);
        }
        open.resize(0);
    }

    /// A tick of the log: learns the open batch, if there is one.
    public void tick() {
        if (open.size() > 0) {
            learnOpen();
        }
    }

    /// A tick with an event time (epoch ms): stream time is at least that, whatever the rule for rows says.
    public void tick(long eventTime) {
        tick();
        streamTime.advance(eventTime);
    }

    /// Rows accepted but not yet learned.
    public int pending() {
        return open.size();
    }

    public ProgressiveEvaluation evaluation() {
        return evaluation;
    }

    /// Evaluates anew from here on: two models are compared over the same rows. What is learned does not change.
    public void restartEvaluation() {
        evaluation = new ProgressiveEvaluation(spec);
    }

    /// Features of up to 4 of the newest accepted rows, for golden rows. Read only.
    public Batch recentRows() {
        return recent.batch();
    }

    /// Everything of the state that is not in pages: pending rows, stream time, recent rows, evaluation. Own
    /// little-endian format with a format number and a checksum; a few KB plus the pending rows.
    public byte[] carry() {
        BinaryWriter to = new BinaryWriter(CARRY_MAGIC, CARRY_FORMAT, 4_096);
        to.int32(shape.numbers()).int32(shape.ids()).int32(shape.labels()).int32(open.capacity());
        writePending(to);
        to.int64(openWindow);
        streamTime.write(to);
        recent.write(to);
        evaluation.write(to);
        return to.seal();
    }

    /// @throws CarryFormatException damaged, of another format or another spec, naming expected and found; the model
    ///     must not be used then
    public void restoreCarry(byte[] carry) {
        BinaryReader from = new BinaryReader(carry, "carry of model '" + spec.model() + "'", CARRY_MAGIC, CARRY_FORMAT,
                CarryFormatException::new);
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
        open.resize(size);
        openWindow = from.int64();
        streamTime.read(from);
        recent.read(from);
        evaluation.read(from);
        from.end();
    }

    private void writePending(BinaryWriter to) {
        int size = open.size();
        to.int32(size).floats(open.numbers, 0, size * shape.numbers()).ints(open.ids, 0, size * shape.ids())
                .floats(open.labels, 0, size * shape.labels());
        if (weighted) {
            to.floats(open.sampleWeights, 0, size);
        }
    }

    /// 64 hex digits; see `ModelHash`.
    public String weightsHash() {
        return ModelHash.weights(fingerprint, parameters);
    }

    public String stateHash() {
        return stateHash(weightsHash());
    }

    /// @param weightsHash as it is now: the weights are not read again
    public String stateHash(String weightsHash) {
        BinaryWriter pending = new BinaryWriter();
        writePending(pending);
        return ModelHash.state(weightsHash, parameters, pending.toBytes());
    }
}
