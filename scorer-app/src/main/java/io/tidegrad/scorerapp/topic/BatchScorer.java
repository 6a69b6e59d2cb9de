package io.tidegrad.scorerapp.topic;

import io.helidon.http.Status;
import io.tidegrad.control.Candidate;
import io.tidegrad.model.feature.AvroEvent;
import io.tidegrad.model.feature.Event;
import io.tidegrad.model.feature.EventReader;
import io.tidegrad.model.feature.JsonEvents;
import io.tidegrad.model.feature.Rejection;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.model.stream.Served;
import io.tidegrad.schemas.RecordDecoder;
import io.tidegrad.schemas.SchemaRegistry;
import io.tidegrad.schemas.UndecodableException;
import io.tidegrad.schemas.UnknownField;
import io.tidegrad.scorer.ModelRouter;
import io.tidegrad.scorer.NotReadyException;
import io.tidegrad.scorer.Predictions;
import io.tidegrad.scorer.Scorer;
import io.tidegrad.scorer.ScoringSession;
import io.tidegrad.scorerapp.JfrScore;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.AbstractList;
import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.WeakHashMap;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.util.WeakIdentityHashMap;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.header.Header;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Turns the requests of a poll into predictions and dead letters, in their order. A model scores all of a batch by one
/// version. Nothing is written here, so the same requests can be scored again. Used by one thread.
final class BatchScorer {
    /// The header of a request with its routing key.
    static final String KEY = "tidegrad-key";

    private static final Logger log = LoggerFactory.getLogger(BatchScorer.class);

    private final ModelChoice models;
    private final RecordDecoder decoder;
    private final OutgoingRecords outgoing;
    private final PredictionListener listener;
    private final Map<Scorer, ModelBatch> batches = new IdentityHashMap<>();

    /// Of the thread on which shadows score: where the fields of a shadow lie is found once per schema.
    private final Map<ModelSpec, AvroEvent> shadowEvents = new WeakIdentityHashMap<>();

    /// Of the plans that lack a field, one of a model for each schema: each is told once.
    private final Set<UnknownField> told = Collections.newSetFromMap(new WeakHashMap<>());

    /// The outcomes of the current batch.
    private List<@Nullable Outcome> outcomes = List.of();

    /// @param listener hears what live models predicted; it hears the same again if requests are scored again
    BatchScorer(ModelChoice models, RecordDecoder decoder, OutgoingRecords outgoing, PredictionListener listener) {
        this.models = models;
        this.decoder = decoder;
        this.outgoing = outgoing;
        this.listener = listener;
    }

    /// Returns one outcome for each request, in order.
    ///
    /// @throws SchemaRegistry.RegistryUnavailableException if the schema of a request is unknown and the registry can't
    ///     be asked; the call can be repeated
    /// @throws NotReadyException if a model that a request asks for serves no version yet; the call can be repeated
    List<Outcome> answer(List<ConsumerRecord<byte[], byte[]>> requests) {
        outcomes = new ArrayList<>(Collections.nCopies(requests.size(), null));
        batches.values().removeIf(ModelBatch::isOver);
        batches.values().forEach(ModelBatch::forget);
        for (int index = 0; index < requests.size(); index++) {
            ConsumerRecord<byte[], byte[]> request = requests.get(index);
            ModelBatch batch = null;
            try {
                String id = id(request.key());
                ModelRouter asked = models.of(request);
                ModelRouter.Choice choice = asked.choiceFor(key(request));
                Scorer chosen = choice.scorer();
                Asked one = new Asked(index, id, request, value(request), choice.propensity());
                batch = batch(asked, chosen);
                if (chosen == asked.live()) {
                    batch.add(one);
                } else if (!batch.takes(one)) {
                    // A challenger must not make a request fail: the live model scores it.
                    batch = batch(asked, asked.live());
                    batch.add(one.leftToLive(asked));
                }
            } catch (RefusedRequest refused) {
                outcomes.set(index, outgoing.refused(request, refused,
                        batch == null || refused.isUnread() ? null : batch.answering()));
            }
        }
        batches.values().forEach(ModelBatch::score);
        List<Outcome> whole = new ArrayList<>(outcomes.size());
        outcomes.forEach(outcome -> whole.add(Objects.requireNonNull(outcome)));
        outcomes = List.of();
        return whole;
    }

    /// Returns the dead letter of a request that failed for a reason without a code of its own.
    Outcome failed(ConsumerRecord<byte[], byte[]> request, Throwable cause) {
        return outgoing.refused(request, new RefusedRequest(RequestFault.INTERNAL,
                "answering it failed twice: " + TopicScorer.described(cause) + "; the scorer's log has the cause"),
                null);
    }

    private ModelBatch batch(ModelRouter asked, Scorer scorer) {
        return batches.computeIfAbsent(scorer, of -> new ModelBatch(asked, of));
    }

    /// Returns the routing key: the header's value, or the request's id if there is no header.
    private static byte[] key(ConsumerRecord<byte[], byte[]> request) {
        Header named = request.headers().lastHeader(KEY);
        return named == null || named.value() == null ? request.key() : named.value();
    }

    /// Returns the record's key as text.
    private static String id(byte @Nullable [] key) {
        if (key == null || key.length == 0) {
            throw new RefusedRequest(RequestFault.NO_REQUEST_ID,
                    "expected the request's id as the record's key, found none");
        }
        try {
            return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(key)).toString();
        } catch (CharacterCodingException e) {
            throw new RefusedRequest(RequestFault.BAD_REQUEST_ID,
                    "expected the request's id as the record's key, in UTF-8, found " + key.length
                            + " bytes that are not");
        }
    }

    private static byte[] value(ConsumerRecord<byte[], byte[]> request) {
        if (request.value() == null) {
            throw new RefusedRequest(Rejection.Reason.NULL_VALUE.code(),
                    "expected a request's fields, found a null value");
        }
        return request.value();
    }

    private static RefusedRequest refused(Rejection rejection) {
        return new RefusedRequest(rejection.reason().code(), rejection.detail());
    }

    /// @param propensity the share of keys for which the model that scores it answers; null if no split was asked
    private record Asked(int index, String id, ConsumerRecord<byte[], byte[]> request, byte[] value,
            @Nullable Double propensity) {
        /// The keys of a challenger are the live model's for requests that it can't score.
        Asked leftToLive(ModelRouter router) {
            return propensity == null ? this
                    : new Asked(index, id, request, value, Math.min(1, propensity + router.shareOfLive()));
        }
    }

    /// The requests of a batch that one model scores.
    private final class ModelBatch {
        private final ModelRouter router;
        private final Scorer scorer;
        private final ScoringSession session;
        private final List<Asked> asked = new ArrayList<>(); // of the session's batch
        private boolean begun; // the version that answers this batch is chosen
        private @Nullable ModelSpec readBy;
        private @Nullable EventReader reader; // of `readBy`

        ModelBatch(ModelRouter router, Scorer scorer) {
            this.router = router;
            this.scorer = scorer;
            session = scorer.newSession();
        }

        /// Returns whether the model is neither live nor a candidate any more.
        boolean isOver() {
            return scorer != router.live() && router.trials().stream().noneMatch(tried -> tried.scorer() == scorer);
        }

        void forget() {
            asked.clear();
            begun = false;
        }

        /// Returns null before a version is chosen.
        @Nullable
        ScoringSession answering() {
            return begun ? session : null;
        }

        void add(Asked one) {
            Rejection rejection = rejection(one);
            if (rejection != null) {
                throw refused(rejection);
            }
        }

        /// Returns false if the model can't score the request, or was deleted since it was chosen.
        boolean takes(Asked one) {
            try {
                return rejection(one) == null;
            } catch (NotReadyException | RefusedRequest nothingServes) {
                return false;
            }
        }

        private @Nullable Rejection rejection(Asked one) {
            begin();
            Rejection rejection = session.add(event(one));
            if (rejection != null) {
                return rejection;
            }
            asked.add(one);
            if (session.size() == session.capacity()) {
                score();
            }
            return null;
        }

        private Event event(Asked one) {
            ModelSpec spec = session.servedVersion().spec();
            EventReader ready = reader;
            if (ready == null || readBy != spec) {
                ready = new EventReader(spec);
                reader = ready;
                readBy = spec;
            }
            try {
                Event event = ready.read(decoder, one.request().topic(), one.value());
                tellLacking(event.unknownField(), one, spec);
                return event;
            } catch (UndecodableException undecodable) {
                Rejection rejection = Rejection.of(undecodable);
                throw RefusedRequest.unread(rejection.reason().code(), rejection.detail());
            }
        }

        /// A field that a schema lacks is missing, as in training. But here it may be a slip, of which each answer would
        /// know nothing.
        private void tellLacking(@Nullable UnknownField unknown, Asked one, ModelSpec spec) {
            if (unknown != null && told.add(unknown)) {
                log.warn(
                        "model {}: requests of topic {} of this schema are scored as if a field of theirs were null: {}",
                        spec.model(), one.request().topic(), unknown.message());
            }
        }

        private void begin() {
            if (begun) {
                return;
            }
            try {
                session.begin();
                begun = true;
            } catch (NotReadyException nothingServes) {
                var control = scorer.status().control();
                if (control.deleted()) {
                    throw new RefusedRequest(RequestFault.MODEL_DELETED,
                            "model " + scorer.model() + " was deleted: " + control.lastInWords());
                }
                throw nothingServes;
            }
        }

        void score() {
            if (asked.isEmpty()) {
                return;
            }
            JfrScore recorded = new JfrScore();
            recorded.begin();
            session.score();
            for (int row = 0; row < asked.size(); row++) {
                Asked one = asked.get(row);
                outcomes.set(one.index(), outcome(one, row));
            }
            recorded.end();
            if (recorded.shouldCommit()) {
                recorded.model = router.name();
                recorded.records = asked.size();
                recorded.status = Status.OK_200.code();
                recorded.commit();
            }
            if (scorer == router.live()
                    && router.trials().stream().anyMatch(tried -> tried.candidate().role() == Candidate.Role.SHADOW)) {
                tell();
            }
            asked.clear();
            session.clear();
        }

        private void tell() {
            float[] probabilities = new float[session.size() * session.outputs()];
            session.probabilities(probabilities, 0);
            int[] numbers = new int[session.size()];
            session.numbers(numbers, 0);
            ModelSpec.Format format = session.servedVersion().spec().input().format();
            List<byte[]> values = new ArrayList<>(asked.size());
            List<GenericRecord> records = new ArrayList<>(asked.size());
            int bytes = 0;
            for (Asked one : asked) {
                values.add(one.value());
                if (format == ModelSpec.Format.AVRO) {
                    records.add(decoder.decode(one.request().topic(), one.value()));
                }
                bytes += one.request().serializedValueSize();
            }
            listener.scored(router, session.servedVersion(),
                    new Predictions(session.servedVersion().model(), session.epoch(), session.version(),
                            session.offset(), session.freshnessMs(), session.outputs(), numbers, probabilities),
                    by -> by.spec().input().format() == format ? readFor(by.spec(), records, values) : null, bytes);
        }

        /// On another thread, which can't decode: what is in Avro was decoded before. The events are looked at one after the
        /// other.
        private List<Event> readFor(ModelSpec spec, List<GenericRecord> records, List<byte[]> values) {
            if (spec.input().format() == ModelSpec.Format.AVRO) {
                AvroEvent event = avroEvent(spec);
                return new AbstractList<>() {
                    @Override
                    public Event get(int index) {
                        return event.of(records.get(index));
                    }

                    @Override
                    public int size() {
                        return records.size();
                    }
                };
            }
            JsonEvents json = new JsonEvents(spec);
            return values.stream().map(json::read).toList();
        }

        private AvroEvent avroEvent(ModelSpec spec) {
            AvroEvent known = shadowEvents.get(spec);
            if (known == null) {
                known = new AvroEvent(
                        spec.input().reader() instanceof ModelSpec.Reader.Of(int id) ? decoder.schema(id) : null);
                shadowEvents.put(spec, known);
            }
            return known;
        }

        private Outcome outcome(Asked one, int row) {
            try {
                return outgoing.scored(router.name(), one.id(), one.request(), session, row,
                        scorer == router.live() ? Served.Stage.LIVE : Served.Stage.CHALLENGER, one.propensity());
            } catch (RefusedRequest refused) {
                return outgoing.refused(one.request(), refused, session);
            }
        }
    }
}
