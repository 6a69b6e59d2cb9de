package io.tidegrad.scorerapp;

import io.helidon.http.Status;
import io.helidon.webserver.CloseConnectionException;
import io.tidegrad.model.feature.Event;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.model.stream.Served;
import io.tidegrad.scorer.Explanation;
import io.tidegrad.scorer.ModelRouter;
import io.tidegrad.scorer.Prediction;
import io.tidegrad.scorer.Predictions;
import io.tidegrad.scorer.RejectedEventException;
import io.tidegrad.scorer.Scorer;
import io.tidegrad.scorer.ScorerStatus;
import io.tidegrad.scorer.ServedLog;
import io.tidegrad.scorer.ServedVersion;
import io.tidegrad.scorer.TraceContext;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.BiPredicate;
import java.util.function.IntSupplier;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// The models that requests name, over HTTP or gRPC: finds them, reads requests for them, scores and counts.
class ServedModels {
    private final Map<String, ModelRouter> routers;
    private final ScorerMetrics metrics;
    private final Shadows shadows;
    private final int maxAnswers;
    private final boolean ignoreUnknownFields;
    private final BiPredicate<String, String> eventFields;
    private final ServedLogs logs;
    private final Map<String, Readers> readers = new ConcurrentHashMap<>();

    /// Reads requests for a spec. It is kept as long as versions with the spec are served.
    ///
    /// @param beside reader for the live model if this one is for a candidate; else the same
    record Readers(ModelSpec spec, ModelSpec beside, RecordFields fields, RecordReader records, TensorRecords tensors) {
    }

    /// A request's records, which have not been read for a model's spec yet.
    interface Records {
        /// @throws HttpProblem if this model can't score them
        List<Event> read(ServedVersion by, Readers with);

        /// Returns about how much memory they hold.
        int bytes();

        /// Returns them for the log, with all that they hold.
        LoggedEvents events();

        /// Returns the ids that the request gives them, separated by commas; null if it gives none.
        @Nullable
        String ids();

        /// Returns where the request stands in its caller's trace; null if it does not say so.
        @Nullable
        TraceContext trace();
    }

    /// The version that scored a request's records, and the predictions.
    ///
    /// @param ids of the events in the log; empty if they are not logged
    record Scored(ServedVersion by, Predictions predictions, List<String> ids) {
        Scored {
            ids = List.copyOf(ids);
        }
    }

    /// The version that explained a request's records, and the explanations.
    ///
    /// @param ids as in `Scored`
    record Explained(ServedVersion by, List<Explanation> explanations, List<String> ids) {
        Explained {
            ids = List.copyOf(ids);
            explanations = List.copyOf(explanations);
        }
    }

    /// @param routers routers by name
    /// @param maxAnswers bound on the numbers in a response, because a record of a few bytes may have 1,000 classes
    /// @param eventFields returns whether the events of a topic or a stream have a field, whether or not a model reads it
    ServedModels(Map<String, ModelRouter> routers, ScorerMetrics metrics, Shadows shadows, int maxAnswers,
            boolean ignoreUnknownFields, BiPredicate<String, String> eventFields, ServedLogs logs) {
        this.eventFields = eventFields;
        this.logs = logs;
        this.routers = new LinkedHashMap<>(routers);
        this.metrics = metrics;
        this.shadows = shadows;
        this.maxAnswers = maxAnswers;
        this.ignoreUnknownFields = ignoreUnknownFields;
    }

    Collection<String> names() {
        return routers.keySet();
    }

    Collection<ModelRouter> routers() {
        return routers.values();
    }

    private Stream<Scorer> live() {
        return routers.values().stream().map(ModelRouter::live);
    }

    /// Returns whether requests should be sent here: all models serve, none is older than allowed, and what they answer can
    /// be logged where it must be.
    boolean ready() {
        return all(Scorer::ready) && routers.values().stream().allMatch(this::isLoggable);
    }

    private boolean isLoggable(ModelRouter asked) {
        Scorer live = asked.live();
        ServedVersion served = live.current();
        return served == null || live.status().control().deleted()
                || logs.isReady(asked.name(), served.spec(), live::eventsTopic);
    }

    /// Returns whether there is a version to score with, however old it is.
    boolean serving() {
        return all(scorer -> scorer.current() != null);
    }

    /// A deleted model does not make the process unready, because that would take the other models' traffic with it. If
    /// it is the only model, nothing is left to score with.
    private boolean all(Predicate<Scorer> are) {
        List<Scorer> expected = live().filter(scorer -> !scorer.status().control().deleted()).toList();
        return !expected.isEmpty() && expected.stream().allMatch(are);
    }

    /// @throws HttpProblem `unknown-model`
    ModelRouter router(String name) {
        ModelRouter known = routers.get(name);
        if (known == null) {
            throw new HttpProblem(ProblemReason.UNKNOWN_MODEL, "no model '" + StrictJson.printable(name)
                    + "' is served here; served: " + String.join(", ", routers.keySet()));
        }
        return known;
    }

    /// Returns the live scorer of a name.
    ///
    /// @throws HttpProblem `unknown-model`
    Scorer live(String name) {
        return router(name).live();
    }

    /// @throws HttpProblem `not-ready`, `model-deleted`
    ServedVersion current(Scorer scorer) {
        ServedVersion served = scorer.current();
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
        return new HttpProblem(ProblemReason.NOT_READY,
                "model '" + scorer.model() + "' has no snapshot yet; its follower is " + status.follower());
    }

    /// Returns the versions that a request may name, newest first: the current one and the earlier ones of its epoch
    /// that are still in memory. A version that a rollback left behind can't be requested.
    ///
    /// @throws HttpProblem `not-ready`, `model-deleted`
    List<ServedVersion> versions(Scorer scorer) {
        ServedVersion current = current(scorer);
        List<ServedVersion> versions = new ArrayList<>();
        versions.add(current);
        for (ServedVersion previous : scorer.previous()) {
            // The list is read after the current version, so it may hold that version and newer ones.
            if (previous.model().equals(current.model()) && previous.epoch() == current.epoch()
                    && previous.version() < current.version()) {
                versions.add(previous);
            }
        }
        return versions;
    }

    /// @param version `version` or `epoch.version`; null for the current one
    /// @throws HttpProblem `unknown-version`, `not-ready`, `model-deleted`
    ServedVersion version(Scorer scorer, @Nullable String version) {
        if (version == null) {
            return current(scorer);
        }
        List<ServedVersion> versions = versions(scorer);
        for (ServedVersion served : versions) {
            if (version.equals(name(served)) || version.equals(Long.toString(served.version()))) {
                return served;
            }
        }
        throw new HttpProblem(ProblemReason.UNKNOWN_VERSION,
                "no version '" + StrictJson.printable(version) + "' of model '" + scorer.model()
                        + "' is served here; served: "
                        + String.join(", ", versions.stream().map(ServedModels::name).toList()));
    }

    /// `epoch.version`.
    static String name(ServedVersion served) {
        return served.epoch() + "." + served.version();
    }

    /// Returns the reader for a live model.
    Readers readers(ServedVersion served) {
        return readers(served.model(), served, served);
    }

    /// Returns the reader for a candidate. A field that only the live model reads is allowed.
    ///
    /// @param live live version beside it; the same if there is none
    private Readers candidateReaders(String name, ServedVersion candidate, ServedVersion live) {
        return readers(name + '\n' + candidate.model(), candidate, live);
    }

    private Readers readers(String key, ServedVersion served, ServedVersion beside) {
        Readers known = readers.get(key);
        if (known == null || known.spec() != served.spec() || known.beside() != beside.spec()) {
            RecordFields fields = new RecordFields(served.spec());
            RecordFields others = served == beside ? fields : new RecordFields(beside.spec());
            String source = source(served.spec());
            Predicate<String> passedOver = field -> ignoreUnknownFields || others.leadsToField(field)
                    || eventFields.test(source, field) || isReadByAnother(source, field);
            known = new Readers(served.spec(), beside.spec(), fields, new RecordReader(fields, passedOver),
                    new TensorRecords(fields, passedOver));
            readers.put(key, known);
        }
        return known;
    }

    /// Returns the scorers of all models, live ones and candidates.
    private Stream<Scorer> scorers() {
        return routers.values().stream().flatMap(
                each -> Stream.concat(Stream.of(each.live()), each.trials().stream().map(ModelRouter.Trial::scorer)));
    }

    /// Returns all versions that serve now, live or as candidates.
    private Stream<ServedVersion> servedNow() {
        return scorers().map(Scorer::current).filter(Objects::nonNull).map(Objects::requireNonNull);
    }

    /// Returns the topics of the events from which the served versions learn, by what `eventFields` is asked with.
    Map<String, String> eventTopics() {
        Map<String, String> topics = new HashMap<>();
        scorers().forEach(scorer -> {
            ServedVersion served = scorer.current();
            if (served != null) {
                String topic = ServedLogs.eventsTopic(served.spec(), scorer::eventsTopic);
                if (topic != null) {
                    topics.put(source(served.spec()), topic);
                }
            }
        });
        return topics;
    }

    /// Where a model's events come from: a topic, or a stream, whose name can't be a topic's here.
    private static String source(ModelSpec spec) {
        return spec.stream() == null ? spec.inputTopic() : "stream: " + spec.stream();
    }

    /// Called only for a field that the model does not read: another model that learns from the same events may read
    /// it.
    private boolean isReadByAnother(String source, String field) {
        return servedNow().filter(served -> source(served.spec()).equals(source))
                .anyMatch(served -> readers(served).fields().leadsToField(field));
    }

    /// Scores by the model for the key, and lets the shadows score the same afterwards.
    ///
    /// @param key routing key; null if the request has none
    /// @throws HttpProblem if a record can't be scored or there are too many
    Scored score(ModelRouter asked, @Nullable String key, Records records) {
        Answered<Predictions> answered =
                byModelOf(asked, key, (scorer, by, with) -> score(scorer, by, records.read(by, with)));
        Predictions predictions = answered.answer;
        ServedVersion by = answered.by;
        List<String> ids = log(asked, answered, predictions, records);
        if (answered.scorer != asked.live()) {
            metrics.challenged(asked.name(), answered.scorer.model(), predictions.size());
        } else if (!asked.trials().isEmpty()) {
            shadows.scored(asked, by, predictions,
                    shadow -> records.read(shadow, candidateReaders(asked.name(), shadow, by)), records.bytes());
        }
        return new Scored(by, predictions, ids);
    }

    private List<String> log(ModelRouter asked, Answered<?> answered, Predictions predictions, Records records) {
        if (logs.log(asked.name()) == null) {
            return List.of();
        }
        Served.Stage stage = answered.scorer == asked.live() ? Served.Stage.LIVE : Served.Stage.CHALLENGER;
        return logs.log(asked.name(),
                new ServedLogs.Answer(answered.by.spec(), asked.live()::eventsTopic, answered.with.fields(), stage,
                        answered.propensity, predictions, records.events(), records.ids(), records.trace()));
    }

    /// Returns the log of a name; null if it has none.
    @Nullable
    ServedLog log(String name) {
        return logs.log(name);
    }

    /// Returns what each feature adds to the predictions of the model for the key. Shadows take no part.
    ///
    /// @throws HttpProblem if a record can't be scored, there are too many, or the network does not allow it
    Explained explain(ModelRouter asked, @Nullable String key, Records records) {
        Answered<List<Explanation>> answered = byModelOf(asked, key, (scorer, by, with) -> {
            if (by.spec().label().isList()) {
                throw new HttpProblem(ProblemReason.BAD_QUERY,
                        "contributions: expected a model whose label is one value, found " + by.model()
                                + ", which answers with a list");
            }
            if (!by.spec().readsFeaturesTogether()) {
                throw new HttpProblem(ProblemReason.BAD_QUERY,
                        "contributions: expected a model whose network reads all features together, found "
                                + by.model());
            }
            List<Event> events = records.read(by, with);
            long rows = (long) events.size() * (2 + by.spec().features().size());
            requireAnswerable(events.size(), rows * by.outputs());
            List<Explanation> explanations = new ArrayList<>(events.size());
            for (int i = 0; i < events.size(); i++) {
                explanations.add(explanation(scorer, by, events.get(i), i));
            }
            return explanations;
        });
        return new Explained(answered.by, answered.answer, log(asked, answered, predictions(answered.answer), records));
    }

    private static Predictions predictions(List<Explanation> explanations) {
        Prediction first = explanations.getFirst().prediction();
        int outputs = first.probabilities().length;
        float[] all = new float[explanations.size() * outputs];
        int members = first.memberOutputs().length;
        float[] memberOutputs = new float[explanations.size() * members];
        int[] numbers = new int[explanations.size()];
        Arrays.fill(numbers, outputs);
        for (int i = 0; i < explanations.size(); i++) {
            Prediction prediction = explanations.get(i).prediction();
            System.arraycopy(prediction.probabilities(), 0, all, i * outputs, outputs);
            System.arraycopy(prediction.memberOutputs(), 0, memberOutputs, i * members, members);
        }
        return new Predictions(first.model(), first.epoch(), first.version(), first.offset(), first.freshnessMs(),
                outputs, numbers, all, memberOutputs);
    }

    private static Explanation explanation(Scorer scorer, ServedVersion by, Event event, int record) {
        try {
            return scorer.explain(by, event);
        } catch (RejectedEventException e) {
            throw new HttpProblem(ProblemReason.of(e.rejection().reason()), record, e.rejection().detail());
        }
    }

    /// Scores by one version of one scorer.
    @FunctionalInterface
    private interface Scoring<A> {
        A score(Scorer scorer, ServedVersion by, Readers with);
    }

    /// An answer, and which scorer gave it, by which version.
    ///
    /// @param propensity the share of keys for which this scorer answers; null if no split was asked
    private record Answered<A>(A answer, Scorer scorer, ServedVersion by, Readers with, @Nullable Double propensity) {
    }

    /// Scores by the model for the key. If a challenger can't score the records, the live model does: a challenger must
    /// not make a request fail.
    private <A> Answered<A> byModelOf(ModelRouter asked, @Nullable String key, Scoring<A> scoring) {
        ModelRouter.Choice choice = asked.choiceFor(key);
        Scorer chosen = choice.scorer();
        Double propensity = choice.propensity();
        HttpProblem ofChallenger = null;
        ServedVersion challenger = chosen == asked.live() ? null : chosen.current();
        if (challenger != null) {
            ServedVersion live = asked.live().current();
            try {
                Readers with = candidateReaders(asked.name(), challenger, live == null ? challenger : live);
                return new Answered<>(scoring.score(chosen, challenger, with), chosen, challenger, with, propensity);
            } catch (HttpProblem problem) {
                ofChallenger = problem;
                // The keys of this challenger are the live model's for such records.
                propensity = propensity == null ? null : (Double) Math.min(1, propensity + asked.shareOfLive());
            }
        }
        ServedVersion served = current(asked.live());
        Readers with = readers(served);
        A answer = scoring.score(asked.live(), served, with);
        if (ofChallenger != null) {
            metrics.leftToLive(asked.name(), chosen.model(), ofChallenger.reason());
        }
        return new Answered<>(answer, asked.live(), served, with, propensity);
    }

    /// Scores by the version that the request names. Challengers and shadows take no part.
    ///
    /// @throws HttpProblem if a record can't be scored or there are too many
    Scored score(ModelRouter asked, ServedVersion served, Records records) {
        Readers with = readers(served);
        Predictions predictions = score(asked.live(), served, records.read(served, with));
        return new Scored(served, predictions,
                log(asked, new Answered<>(predictions, asked.live(), served, with, null), predictions, records));
    }

    /// Scores by the version for whose fields the events were read, because a swap in the meantime may bring another
    /// model. Overridden only to measure another runtime behind this server.
    ///
    /// @throws HttpProblem if a record can't be scored or there are too many
    Predictions score(Scorer scorer, ServedVersion served, List<Event> events) {
        requireAnswerable(events.size(), (long) events.size() * served.outputs());
        try {
            return scorer.scoreAll(served, events);
        } catch (RejectedEventException e) {
            throw new HttpProblem(ProblemReason.of(e.rejection().reason()), e.index(), e.rejection().detail());
        }
    }

    private void requireAnswerable(int records, long numbers) {
        if (numbers > maxAnswers) {
            throw new HttpProblem(ProblemReason.BODY_TOO_LARGE,
                    "expected at most " + maxAnswers + " numbers in an answer, found " + numbers + " for " + records
                            + " records; send fewer records a request");
        }
    }

    /// The status under which other servers count a request whose client closed it. It is no HTTP status and no defect
    /// of this program.
    private static final int CLIENT_GONE = 499;

    /// Counts a scoring request, its records and the time that it takes.
    ///
    /// @param name name of a served model
    /// @param answering reads, scores and responds; returns how many records were scored
    void answer(String name, IntSupplier answering) {
        JfrScore recorded = new JfrScore();
        recorded.begin();
        long start = System.nanoTime();
        int status = Status.INTERNAL_SERVER_ERROR_500.code();
        int records = 0;
        try {
            records = answering.getAsInt();
            metrics.scored(name, records);
            status = Status.OK_200.code();
        } catch (HttpProblem e) {
            status = e.reason().status().code();
            throw e;
        } catch (CloseConnectionException e) {
            status = CLIENT_GONE;
            throw e;
        } finally {
            metrics.answered(name, status, System.nanoTime() - start);
            recorded.end();
            if (recorded.shouldCommit()) {
                recorded.model = name;
                recorded.records = records;
                recorded.status = status;
                recorded.commit();
            }
        }
    }

    /// Counts a request that gets no prediction.
    ///
    /// @param named model that it names, which may not be served here
    void refused(String named, ProblemReason reason) {
        metrics.refused(routers.containsKey(named) ? named : ScorerMetrics.NO_MODEL, reason);
    }
}
