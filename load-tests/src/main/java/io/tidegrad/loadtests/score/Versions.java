package io.tidegrad.loadtests.score;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.model.Batch;
import io.tidegrad.engine.model.Predictor;
import io.tidegrad.loadtests.LoadTestException;
import io.tidegrad.loadtests.bench.Rows;
import io.tidegrad.localstack.streams.StreamEvent;
import io.tidegrad.model.feature.Event;
import io.tidegrad.model.feature.Featurizer;
import io.tidegrad.model.feature.Rejection;
import io.tidegrad.model.feature.Row;
import io.tidegrad.model.learn.OnlineModel;
import io.tidegrad.model.snapshot.PublishedSnapshot;
import io.tidegrad.model.snapshot.SnapshotManifest;
import io.tidegrad.model.spec.ModelSpec;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Makes one version of a model after the other, as its trainer would: it learns the shipped stream event by event, makes
/// the snapshot, and computes what that version must answer to the questions. For one thread.
final class Versions {
    private static final int EPOCH = 1;

    /// Learned before the first version, so that predictions differ.
    private static final int OPENING_EVENTS = 2_000;

    private final ScoredModel scored;
    private final OnlineModel model;
    private final Featurizer featurizer;
    private final Row row;
    private final List<StreamEvent> shipped;
    private final List<Batch> questions = new ArrayList<>();
    private final Predictor predictor;
    private long next; // event to learn
    private @Nullable SnapshotManifest last;

    /// A version, not yet published.
    ///
    /// @param answers of this version to the questions, shape (questions, outputs)
    record Version(long number, float[] answers, PublishedSnapshot snapshot) {
    }

    /// @param questions that are asked of every version
    Versions(ScoredModel scored, List<StreamEvent> shipped, List<? extends Event> questions) {
        ModelSpec spec = scored.spec();
        this.scored = scored;
        this.shipped = shipped;
        model = OnlineModel.initial(spec, Kernels.active());
        featurizer = new Featurizer(spec);
        row = featurizer.newRow();
        predictor = new Predictor(model.parameters().plan(), Kernels.active(), 1);
        for (Event question : questions) {
            require(featurizer.featurizeForScoring(question, row));
            Batch batch = new Batch(model.parameters().plan().spec().row(), 1);
            batch.resize(1);
            Rows.put(row, batch, 0);
            this.questions.add(batch);
        }
        learn(OPENING_EVENTS);
    }

    OnlineModel model() {
        return model;
    }

    int outputs() {
        return model.parameters().plan().outputs();
    }

    private void learn(int events) {
        for (int i = 0; i < events; i++) {
            StreamEvent event = scored.stream().repeated(shipped, next++);
            require(featurizer.featurize(ScoredModel.event(event), row));
            require(model.accept(row));
        }
    }

    private static void require(@Nullable Rejection rejection) {
        if (rejection != null) {
            throw new LoadTestException("a shipped event is rejected: " + rejection.detail());
        }
    }

    /// Learns some events more.
    ///
    /// @param full all of the model; else what changed since the version before, where that is less
    Version next(int events, boolean full) {
        learn(events);
        float[] answers = answers();
        SnapshotManifest before = last;
        PublishedSnapshot snapshot = full || before == null || !hasDelta()
                ? PublishedSnapshot.full(model, moment(), PublishedSnapshot.Form.PLAIN)
                : PublishedSnapshot.delta(model, moment(),
                        new PublishedSnapshot.Parent(before.version(), before.chain()), PublishedSnapshot.Form.PLAIN);
        model.parameters().changes().clear();
        last = snapshot.manifest();
        return new Version(snapshot.manifest().version(), answers, snapshot);
    }

    /// Whether a delta is smaller than the model. With an optimizer that moves every weight in every step it is not, and a
    /// trainer publishes full snapshots.
    boolean hasDelta() {
        return PublishedSnapshot.deltaBytes(model) < model.parameters().servedBytes();
    }

    private PublishedSnapshot.Moment moment() {
        long now = System.currentTimeMillis();
        return new PublishedSnapshot.Moment(model.weightsHash(), EPOCH, next, now, false, now);
    }

    /// Of the model as it is now.
    float[] answers() {
        int outputs = outputs();
        float[] answers = new float[questions.size() * outputs];
        float[] answer = new float[outputs];
        for (int question = 0; question < questions.size(); question++) {
            predictor.predict(model.parameters(), questions.get(question), answer);
            System.arraycopy(answer, 0, answers, question * outputs, outputs);
        }
        return answers;
    }
}
