package io.tidegrad.scorerapp;

import io.helidon.http.Status;
import io.tidegrad.model.feature.Event;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.scorer.Predictions;
import io.tidegrad.scorer.RejectedEventException;
import io.tidegrad.scorer.Scorer;
import io.tidegrad.scorer.ScorerStatus;
import io.tidegrad.scorer.ServedModel;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/// The models that requests name, whatever they come by: found, read for, scored with, counted.
final class ServedModels {
    private final Map<String, Scorer> scorers;
    private final ScorerMetrics metrics;
    private final int maxAnswers;
    private final boolean ignoreUnknownFields;
    private final Map<String, Readers> readers = new ConcurrentHashMap<>();

    /// What reads requests for a spec, kept as long as versions with it are served.
    record Readers(
            ModelSpec spec, RecordFields fields, RecordReader records, TensorRecords tensors) {}

    /// @param scorers by model
    /// @param maxAnswers numbers in an answer: a record of a few bytes may have a thousand classes
    ServedModels(
            Map<String, Scorer> scorers,
            ScorerMetrics metrics,
            int maxAnswers,
            boolean ignoreUnknownFields) {
        this.scorers = new LinkedHashMap<>(scorers);
        this.metrics = metrics;
        this.maxAnswers = maxAnswers;
        this.ignoreUnknownFields = ignoreUnknownFields;
    }

    Collection<String> names() {
        return scorers.keySet();
    }

    Collection<Scorer> scorers() {
        return scorers.values();
    }

    /// A model that was deleted is not waited for: it would take the others' traffic with it. Alone, it leaves nothing to
    /// answer with.
    boolean ready() {
        List<Scorer> expected =
                scorers.values().stream()
                        .filter(scorer -> !scorer.status().control().deleted())
                        .toList();
        return !expected.isEmpty() && expected.stream().allMatch(Scorer::ready);
    }

    /// @throws HttpProblem `unknown-model`
    Scorer scorer(String name) {
        Scorer scorer = scorers.get(name);
        if (scorer == null) {
            throw new HttpProblem(
                    ProblemReason.UNKNOWN_MODEL,
                    "no model '"
                            + StrictJson.printable(name)
                            + "' is served here; served: "
                            + String.join(", ", scorers.keySet()));
        }
        return scorer;
    }

    /// @throws HttpProblem `not-ready`, `model-deleted`
    ServedModel current(Scorer scorer) {
        ServedModel served = scorer.current();
        if (served == null) {
            throw notReady(scorer);
        }
        return served;
    }

    private static HttpProblem notReady(Scorer scorer) {
        ScorerStatus status = scorer.status();
        if (status.control().deleted()) {
            return new HttpProblem(ProblemReason.MODEL_DELETED, status.control().lastInWords());
        }
        return new HttpProblem(
                ProblemReason.NOT_READY,
                "model '"
                        + scorer.model()
                        + "' has no snapshot yet; its follower is "
                        + status.follower());
    }

    /// The versions that a request may name, newest first: the current one and what is kept of its epoch before it. What a
    /// rollback has left behind is not asked for by mistake.
    ///
    /// @throws HttpProblem `not-ready`, `model-deleted`
    List<ServedModel> versions(Scorer scorer) {
        ServedModel current = current(scorer);
        List<ServedModel> versions = new ArrayList<>();
        versions.add(current);
        for (ServedModel previous : scorer.previous()) {
            // What is read after the current one may hold it, and newer ones.
            if (previous.model().equals(current.model())
                    && previous.epoch() == current.epoch()
                    && previous.version() < current.version()) {
                versions.add(previous);
            }
        }
        return versions;
    }

    /// @param version `version` or `epoch.version`; null for the current one
    /// @throws HttpProblem `unknown-version`, `not-ready`, `model-deleted`
    ServedModel version(Scorer scorer, @Nullable String version) {
        if (version == null) {
            return current(scorer);
        }
        List<ServedModel> versions = versions(scorer);
        for (ServedModel served : versions) {
            if (version.equals(name(served)) || version.equals(Long.toString(served.version()))) {
                return served;
            }
        }
        throw new HttpProblem(
                ProblemReason.UNKNOWN_VERSION,
                "no version '"
                        + StrictJson.printable(version)
                        + "' of model '"
                        + scorer.model()
                        + "' is served here; served: "
                        + String.join(", ", versions.stream().map(ServedModels::name).toList()));
    }

    /// `epoch.version`.
    static String name(ServedModel served) {
        return served.epoch() + "." + served.version();
    }

    Readers readers(ServedModel served) {
        Readers known = readers.get(served.model());
        if (known == null || known.spec() != served.spec()) {
            RecordFields fields = new RecordFields(served.spec());
            known =
                    new Readers(
                            served.spec(),
                            fields,
                            new RecordReader(fields, ignoreUnknownFields),
                            new TensorRecords(fields, ignoreUnknownFields));
            readers.put(served.model(), known);
        }
        return known;
    }

    /// By the version whose fields the events were read by: the one that a swap brings meanwhile may be another model's.
    ///
    /// @throws HttpProblem a record can't be scored, or there are too many
    Predictions score(Scorer scorer, ServedModel served, List<Event> events) {
        long answers = (long) events.size() * served.outputs();
        if (answers > maxAnswers) {
            throw new HttpProblem(
                    ProblemReason.BODY_TOO_LARGE,
                    "expected at most "
                            + maxAnswers
                            + " numbers in an answer, found "
                            + events.size()
                            + " records of "
                            + served.outputs()
                            + "; send fewer records a request");
        }
        try {
            return scorer.scoreAll(served, events);
        } catch (RejectedEventException e) {
            throw new HttpProblem(
                    ProblemReason.of(e.rejection().reason()), e.index(), e.rejection().detail());
        }
    }

    /// Answers a scoring request, and counts it.
    void answer(Scorer scorer, Answering answering) {
        long start = System.nanoTime();
        int status = Status.INTERNAL_SERVER_ERROR_500.code();
        try {
            int records = answering.answer();
            metrics.scored(scorer.model(), records);
            status = Status.OK_200.code();
        } catch (HttpProblem e) {
            status = e.reason().status().code();
            throw e;
        } finally {
            metrics.answered(scorer.model(), status, System.nanoTime() - start);
        }
    }

    /// Counts a request that is not answered with what it asked for.
    ///
    /// @param named the model that it names, perhaps none of ours
    void refused(String named, ProblemReason reason) {
        metrics.refused(scorers.containsKey(named) ? named : ScorerMetrics.NO_MODEL, reason);
    }

    /// Reads, scores, sends.
    @FunctionalInterface
    interface Answering {
        /// How many records were scored.
        int answer();
    }
}
