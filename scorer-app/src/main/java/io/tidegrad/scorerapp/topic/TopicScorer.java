package io.tidegrad.scorerapp.topic;

import io.tidegrad.schemas.AvroCodec;
import io.tidegrad.schemas.KafkaClients;
import io.tidegrad.schemas.MissingRight;
import io.tidegrad.schemas.Prediction;
import io.tidegrad.schemas.RecordDecoder;
import io.tidegrad.schemas.SchemaRegistry;
import io.tidegrad.scorer.ModelRouter;
import java.time.Duration;
import java.time.InstantSource;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.common.errors.AuthenticationException;
import org.apache.kafka.common.errors.AuthorizationException;
import org.apache.kafka.common.errors.InterruptException;
import org.apache.kafka.common.errors.InvalidConfigurationException;
import org.apache.kafka.common.errors.WakeupException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Scores from topic to topic on a thread of its own. Every request of a topic gets exactly one prediction or one dead
/// letter, in one transaction with its offset. If Kafka or the registry fails, it tries again with increasing pauses
/// and skips nothing. Several processes with the same group share the partitions.
public final class TopicScorer implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(TopicScorer.class);

    private static final long PAUSE_MILLIS_MIN = 100;
    private static final long PAUSE_MILLIS_MAX = 2_000;
    private static final long LOOK_MILLIS = 100;

    /// How long the schemas of one poll may take: well below Kafka's `max.poll.interval.ms` of 5 minutes.
    private static final Duration PATIENCE = Duration.ofSeconds(30);

    /// How long closing waits for the current batch. If it is not finished by then, its transaction is aborted.
    private static final Duration STOP_WITHIN = Duration.ofSeconds(4);

    /// If memory runs out this often without an answer in between, the process ends, because otherwise it would try for
    /// ever and still report that it is ready.
    private static final int OUT_OF_MEMORY_MAX = 3;

    private static final Duration GIVE_UP_WITHIN = Duration.ofSeconds(3);

    private final RequestsConfig config;
    private final Map<String, ModelRouter> routers;
    private final PredictionListener listener;
    private final BooleanSupplier ready;
    private final InstantSource clock;
    private final TopicClients clients;
    private final TopicScorerCounters counters;
    private final CountDownLatch closing = new CountDownLatch(1);
    private final Thread thread;

    /// Random, because a process leaves nothing behind that its successor needs. The open transaction of a process that
    /// died ends by its time-out. Within a process the next session ends the transaction of the one before.
    private final String transactionalId;

    private volatile Said said = new Said(TopicScorerStatus.State.STARTING, "");
    private volatile @Nullable TopicSession session;

    // Only used by the thread:
    private boolean haveServed; // all models, once
    private long batchBegun; // nanos
    private @Nullable Encoding encoding; // kept from session to session: a schema that is known stays known

    /// @param predictionSchemaId id under which `Prediction` is registered
    private record Encoding(SchemaRegistry registry, RecordDecoder decoder, AvroCodec codec,
            int predictionSchemaId) implements AutoCloseable {
        @Override
        public void close() {
            decoder.close();
            registry.close();
        }
    }

    private record Said(TopicScorerStatus.State state, String detail) {
    }

    TopicScorer(RequestsConfig config, Map<String, ModelRouter> routers, PredictionListener listener,
            BooleanSupplier ready, InstantSource clock, TopicClients clients) {
        this.config = config;
        this.routers = new LinkedHashMap<>(routers);
        this.listener = listener;
        this.ready = ready;
        this.clock = clock;
        this.clients = clients;
        counters = new TopicScorerCounters(this.routers.keySet());
        transactionalId = config.group() + "-" + UUID.randomUUID();
        thread = Thread.ofPlatform().name("tidegrad-requests").daemon().unstarted(this::run);
    }

    /// Starts and returns at once. Neither Kafka nor the topics need to exist yet.
    ///
    /// @param routers routers by name
    /// @param listener hears what live models predicted
    /// @param ready whether the models serve; until then requests are left to other processes of the group
    public static TopicScorer start(RequestsConfig config, Map<String, ModelRouter> routers,
            PredictionListener listener, BooleanSupplier ready, InstantSource clock) {
        return start(config, routers, listener, ready, clock, TopicClients.KAFKA);
    }

    static TopicScorer start(RequestsConfig config, Map<String, ModelRouter> routers, PredictionListener listener,
            BooleanSupplier ready, InstantSource clock, TopicClients clients) {
        TopicScorer topicScorer = new TopicScorer(config, routers, listener, ready, clock, clients);
        topicScorer.thread.start();
        return topicScorer;
    }

    public RequestsConfig config() {
        return config;
    }

    public TopicScorerStatus status() {
        Said now = said;
        return counters.status(now.state(), now.detail());
    }

    /// Returns why it can't begin, if a restart would not help. Once it has answered a request, it is empty and the
    /// scorer tries for ever.
    public Optional<String> refusal() {
        Said now = said;
        return now.state() == TopicScorerStatus.State.REFUSED && !counters.hasCommitted() ? Optional.of(now.detail())
                : Optional.empty();
    }

    /// Finishes the current batch. A commit that waits for Kafka is given up.
    @Override
    public void close() {
        closing.countDown();
        TopicSession blocked = session;
        if (blocked != null) {
            blocked.wakeup();
        }
        try {
            if (!thread.join(STOP_WITHIN)) {
                thread.interrupt();
                thread.join(GIVE_UP_WITHIN);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private boolean isOpen() {
        return closing.getCount() > 0;
    }

    private void say(TopicScorerStatus.State state, String detail) {
        Said now = said;
        if (now.state() != state || !now.detail().equals(detail)) {
            said = new Said(state, detail);
        }
    }

    private void run() {
        long pauseMillis = PAUSE_MILLIS_MIN;
        int outOfMemory = 0;
        long committed = 0; // when that was counted
        Class<?> told = null;
        try {
            while (isOpen()) {
                try {
                    awaitModels();
                    answer();
                } catch (WakeupException | InterruptException e) {
                    // Only close() does this.
                    break;
                } catch (RuntimeException | OutOfMemoryError e) {
                    if (said.state() == TopicScorerStatus.State.RUNNING) {
                        pauseMillis = PAUSE_MILLIS_MIN;
                        told = null;
                    }
                    if (e instanceof OutOfMemoryError shortage) {
                        outOfMemory = counters.committed() == committed ? outOfMemory + 1 : 1;
                        committed = counters.committed();
                        if (outOfMemory == OUT_OF_MEMORY_MAX) {
                            throw shortage;
                        }
                    }
                    Said failure = failure(e);
                    say(failure.state(), failure.detail());
                    if (e.getClass() != told) { // otherwise an outage would log a line every few seconds
                        told = e.getClass();
                        log.warn("answering {} failed and is tried again: {}", config.requests(), failure.detail());
                    }
                    log.debug("cause", e);
                    if (closing.await(pauseMillis, TimeUnit.MILLISECONDS)) {
                        break;
                    }
                    pauseMillis = Math.min(2 * pauseMillis, PAUSE_MILLIS_MAX);
                }
            }
            say(TopicScorerStatus.State.CLOSED, "");
        } catch (InterruptedException e) {
            say(TopicScorerStatus.State.CLOSED, "interrupted");
            Thread.currentThread().interrupt();
        } catch (Error e) {
            say(TopicScorerStatus.State.FAILED, described(e));
            throw e;
        } finally {
            Encoding opened = encoding;
            if (opened != null) {
                opened.close();
            }
        }
    }

    private static Said failure(Throwable e) {
        String refusal = refusalIn(e);
        if (refusal != null) {
            return new Said(TopicScorerStatus.State.REFUSED, refusal);
        }
        return e instanceof SchemaRegistry.RegistryUnavailableException
                ? new Said(TopicScorerStatus.State.WAITING_FOR_REGISTRY, String.valueOf(e.getMessage()))
                : new Said(TopicScorerStatus.State.RETRYING, described(e));
    }

    /// Returns why no retry can help, but a change by the operator can; null if a retry may help.
    static @Nullable String refusalIn(Throwable e) {
        for (Throwable cause = e; cause != null; cause = cause.getCause()) {
            String refusal = switch (cause) {
                case TopicScoringRefusedException ours -> ours.getMessage();
                case SchemaRegistry.RegistryRefusedException ofRegistry -> ofRegistry.getMessage();
                case SchemaRegistry.IncompatibleSchemaException ofRegistry -> ofRegistry.getMessage();
                case AuthenticationException ofKafka -> "Kafka does not let us in: " + described(ofKafka);
                case AuthorizationException ofKafka -> {
                    String missing = MissingRight.of(e);
                    yield "from topic to topic: " + (missing == null ? described(ofKafka) : missing)
                            + "; check what Kafka's ACLs allow this user";
                }
                case InvalidConfigurationException ofKafka -> described(ofKafka);
                default -> null;
            };
            if (refusal != null) {
                return refusal;
            }
        }
        return null;
    }

    static String described(Throwable e) {
        return e.getMessage() == null ? e.getClass().getSimpleName()
                : e.getClass().getSimpleName() + ": " + e.getMessage();
    }

    /// Waits until all models have served once. A member of the group is assigned partitions, and without models it
    /// would only block them. If a model is deleted later, its requests become dead letters.
    private void awaitModels() throws InterruptedException {
        if (haveServed) {
            return;
        }
        if (!ready.getAsBoolean()) {
            say(TopicScorerStatus.State.WAITING_FOR_MODEL, "no model serves yet");
        }
        while (isOpen() && !ready.getAsBoolean()) {
            closing.await(LOOK_MILLIS, TimeUnit.MILLISECONDS);
        }
        haveServed = true;
    }

    private void answer() {
        if (!isOpen()) {
            return;
        }
        RequestTopics.Limits limits = topics();
        Encoding encoding = encoding();
        OutgoingRecords outgoing =
                new OutgoingRecords(config, limits, encoding.predictionSchemaId(), encoding.codec(), clock);
        answer(limits, new BatchScorer(new ModelChoice(routers), encoding.decoder(), outgoing, listener));
    }

    private RequestTopics.Limits topics() {
        try (Admin admin = KafkaClients.open(() -> clients.admin(config.kafka().client()))) {
            return RequestTopics.createOrCheck(admin, config);
        }
    }

    private Encoding encoding() {
        Encoding known = encoding;
        if (known != null) {
            return known;
        }
        Map<String, Object> settings = config.registry().client();
        batchBegun = System.nanoTime(); // another decoder may ask the registry when it is created
        RecordDecoder decoder;
        try {
            decoder = RecordDecoder.of(settings, this::patience);
        } catch (IllegalArgumentException e) {
            throw new TopicScoringRefusedException("registry: " + e.getMessage());
        }
        SchemaRegistry registry = SchemaRegistry.connect(settings);
        try {
            int id = registry.register(config.predictions() + "-value", Prediction.getClassSchema());
            known = new Encoding(registry, decoder, new AvroCodec(registry), id);
            encoding = known;
            return known;
        } catch (RuntimeException e) {
            decoder.close();
            registry.close();
            throw e;
        }
    }

    /// Returns how much of the time for this batch's schemas is left; zero if none.
    private Duration patience() {
        long left = PATIENCE.toNanos() - (System.nanoTime() - batchBegun);
        return Duration.ofNanos(Math.max(0, left));
    }

    private void answer(RequestTopics.Limits limits, BatchScorer answerer) {
        Consumer<byte[], byte[]> consumer =
                KafkaClients.open(() -> clients.consumer(TopicClientSettings.consumer(config)));
        Producer<byte[], byte[]> producer;
        try {
            producer = KafkaClients.open(() -> clients.producer(TopicClientSettings.producer(config, transactionalId,
                    Math.max(limits.predictionBytes(), limits.deadLetterBytes())), consumer));
        } catch (RuntimeException e) {
            consumer.close();
            throw e;
        }
        try (TopicSession opened =
                new TopicSession(config.requests(), consumer, producer, new TopicSession.Answering() {
                    @Override
                    public List<Outcome> answer(List<ConsumerRecord<byte[], byte[]>> requests) {
                        batchBegun = System.nanoTime();
                        return answerer.answer(requests);
                    }

                    @Override
                    public Outcome failed(ConsumerRecord<byte[], byte[]> request, Throwable cause) {
                        return answerer.failed(request, cause);
                    }
                }, counters, this::say)) {
            session = opened;
            // Ends the transaction that an earlier session left open. Only after that may offsets be fetched.
            producer.initTransactions();
            opened.run(this::isOpen);
        } finally {
            session = null;
        }
    }
}
