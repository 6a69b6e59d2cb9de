package io.tidegrad.scorerapp;

import io.tidegrad.schemas.AvroCodec;
import io.tidegrad.schemas.Comparison;
import io.tidegrad.schemas.SchemaRegistry;
import io.tidegrad.schemas.Topics;
import io.tidegrad.schemas.settings.KafkaSettings;
import io.tidegrad.schemas.settings.RegistrySettings;
import io.tidegrad.scorer.Predictions;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.HashMap;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Writes comparisons of shadows to the topic of progress, every 10 s in which a shadow has scored, on a thread of its
/// own. A comparison that can't be written is logged and lost; the metrics have the totals. Its Kafka clients are
/// opened with the first comparison.
final class ComparisonTopic implements AutoCloseable {
    /// Often enough to watch a trial, and rare enough to be no load.
    private static final Duration EVERY = Duration.ofSeconds(10);

    /// How long the topic's metadata and a send may take: the next window waits for them.
    private static final int SEND_WITHIN_MILLIS = 5_000;

    private static final Logger log = LoggerFactory.getLogger(ComparisonTopic.class);

    private final KafkaSettings kafka;
    private final RegistrySettings registry;
    private final String topic;
    private final String scorer;
    private final Map<Shadows.Pair, ShadowComparison> comparisons;
    private final InstantSource clock;
    private final Map<Shadows.Pair, Instant> since = new HashMap<>(); // of the windows under way
    private final ScheduledExecutorService timer = Timers.named("tidegrad-comparisons");
    private @Nullable Writer writer; // the timer's thread alone

    private record Writer(Producer<byte[], byte[]> producer, AvroCodec codec, int schemaId) implements AutoCloseable {
        @Override
        public void close() {
            producer.close(Duration.ofMillis(SEND_WITHIN_MILLIS));
        }
    }

    /// @param address address of the process, `host:port`
    /// @param comparisons returns all current comparisons
    ComparisonTopic(KafkaSettings kafka, RegistrySettings registry, Topics topics, String address,
            Map<Shadows.Pair, ShadowComparison> comparisons, InstantSource clock) {
        this.kafka = kafka;
        this.registry = registry;
        topic = topics.progress();
        scorer = address + "-" + UUID.randomUUID().toString().substring(0, 8);
        this.comparisons = comparisons;
        this.clock = clock;
        timer.scheduleAtFixedRate(this::tell, EVERY.toMillis(), EVERY.toMillis(), TimeUnit.MILLISECONDS);
    }

    /// Writes all windows and begins the next ones.
    private void tell() {
        comparisons.forEach((pair, comparison) -> {
            try {
                tell(pair, comparison);
            } catch (RuntimeException | Error e) {
                // All errors are caught, because the timer does not run a task again that has thrown.
                untold(pair.name(), pair.shadow(), e);
            }
        });
    }

    private void tell(Shadows.Pair pair, ShadowComparison comparison) {
        Instant now = clock.instant();
        Instant began = since.put(pair, now);
        ShadowComparison.Figures figures = comparison.takeWindow();
        Predictions live = figures.live();
        Predictions shadow = figures.shadow();
        if (live != null && shadow != null) {
            send(told(pair, live, shadow, figures).setSince(began == null ? now.minus(EVERY) : began).setTime(now)
                    .build());
        }
    }

    private Comparison.Builder told(Shadows.Pair pair, Predictions live, Predictions shadow,
            ShadowComparison.Figures figures) {
        return Comparison.newBuilder().setName(pair.name()).setModel(live.model()).setEpoch(live.epoch())
                .setVersion(live.version()).setShadow(pair.shadow()).setShadowEpoch(shadow.epoch())
                .setShadowVersion(shadow.version()).setScorer(scorer).setRecords(figures.records())
                .setAgreed(figures.classifies() ? figures.agreed() : null)
                .setMeanAbsoluteDifference(figures.meanDifference())
                .setGreatestAbsoluteDifference(figures.greatestDifference()).setMeanPrediction(figures.liveMean())
                .setShadowMeanPrediction(figures.shadowMean()).setRefused(figures.refused())
                .setDropped(figures.dropped());
    }

    private void send(Comparison comparison) {
        Writer ready = writer();
        ready.producer().send(
                new ProducerRecord<>(topic, key(comparison), ready.codec().encode(ready.schemaId(), comparison)),
                (sent, failed) -> {
                    if (failed != null) {
                        untold(comparison.getName(), comparison.getShadow(), failed);
                    }
                });
    }

    private void untold(String name, String shadow, Throwable why) {
        log.warn("how {} compares with model {} could not be written to {}: {}", shadow, name, topic,
                String.valueOf(why.getMessage()));
        log.debug("cause", why);
    }

    /// No model's name has a tilde, so readers that look up progress by model skip this key.
    private static byte[] key(Comparison of) {
        return (of.getName() + "~" + of.getShadow()).getBytes(StandardCharsets.UTF_8);
    }

    private Writer writer() {
        Writer known = writer;
        if (known == null) {
            SchemaRegistry connected = SchemaRegistry.connect(registry.client());
            int schemaId = connected.register(topic + "-" + Comparison.getClassSchema().getFullName(),
                    Comparison.getClassSchema());
            Map<String, Object> settings = new HashMap<>(kafka.producer());
            settings.put(ProducerConfig.CLIENT_ID_CONFIG, "tidegrad-scorer-comparisons");
            settings.put(ProducerConfig.MAX_BLOCK_MS_CONFIG, SEND_WITHIN_MILLIS);
            known = new Writer(new KafkaProducer<>(settings, new ByteArraySerializer(), new ByteArraySerializer()),
                    new AvroCodec(connected), schemaId);
            writer = known;
        }
        return known;
    }

    /// Writes the current windows and stops.
    @Override
    public void close() {
        Timers.close(timer, () -> {
            tell();
            if (writer != null) {
                writer.close();
            }
        }, Duration.ofMillis(2L * SEND_WITHIN_MILLIS));
    }
}
