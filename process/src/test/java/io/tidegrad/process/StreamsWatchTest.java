package io.tidegrad.process;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidegrad.schemas.settings.KafkaSettings;
import java.lang.reflect.Proxy;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.common.Metric;
import org.apache.kafka.common.MetricName;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.ThreadMetadata;
import org.apache.kafka.streams.Topology;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class StreamsWatchTest {
    private static final Duration SILENCE_MAX = Duration.ofSeconds(66);

    @TempDir
    Path directory;

    private long seconds; // by the clock that never goes back
    private double sincePoll; // as the one thread's consumer tells it
    private KafkaStreams streams;
    private StreamsWatch watch;

    @BeforeEach
    void open() {
        StreamsBuilder builder = new StreamsBuilder();
        builder.stream("events").foreach((key, value) -> {
        });
        Properties settings = new Properties();
        settings.putAll(StreamsClients.common("p-payments-1-join", directory, "joiner-1",
                KafkaSettings.of("127.0.0.1:9092"), Duration.ofMillis(100), 0));
        streams = new OneThread(builder.build(), settings);
        watch = new StreamsWatch("stream payments, epoch 1", streams, SILENCE_MAX,
                () -> TimeUnit.SECONDS.toNanos(seconds));
    }

    @AfterEach
    void close() {
        streams.close();
    }

    private final class OneThread extends KafkaStreams {
        OneThread(Topology topology, Properties settings) {
            super(topology, settings);
        }

        @Override
        public Set<ThreadMetadata> metadataForLocalThreads() {
            return Set.of((ThreadMetadata) Proxy.newProxyInstance(StreamsWatchTest.class.getClassLoader(),
                    new Class<?>[]{ThreadMetadata.class}, (proxy, method, arguments) -> switch (method.getName()) {
                        case "threadName" -> "a-StreamThread-1";
                        case "consumerClientId" -> "a-consumer";
                        case "hashCode" -> 1;
                        default -> throw new IllegalStateException(method.getName());
                    }));
        }

        @Override
        public Map<MetricName, ? extends Metric> metrics() {
            MetricName name =
                    new MetricName("last-poll-seconds-ago", "consumer-metrics", "", Map.of("client-id", "a-consumer"));
            return Map.of(name, new Metric() {
                @Override
                public MetricName metricName() {
                    return name;
                }

                @Override
                public Object metricValue() {
                    return sincePoll;
                }
            });
        }
    }

    /// Kafka answers each second.
    private boolean standsStill(int seconds, boolean polls) {
        for (int i = 0; i < seconds; i++) {
            this.seconds++;
            sincePoll = polls ? 0 : sincePoll + 1;
            if (watch.kafkaHasAnswered() != null) {
                return true;
            }
        }
        return false;
    }

    @Test
    void aThreadThatHangsIsReportedAfterTheLongestSilence() {
        assertThat(standsStill(200, true)).isFalse();
        assertThat(standsStill(60, false)).isFalse();
        assertThat(standsStill(15, false)).isTrue();
    }

    @Test
    void aThreadThatNeverAsksForRecordsIsReported() {
        sincePoll = Double.NEGATIVE_INFINITY;
        assertThat(standsStill(60, false)).isFalse();
        assertThat(standsStill(15, false)).isTrue();
    }

    @Test
    void aWallClockThatIsSetForwardOrBackMakesNoThreadHang() {
        assertThat(standsStill(200, true)).isFalse();
        sincePoll = 3_600; // it works at what it has polled
        assertThat(standsStill(20, false)).isFalse();
        assertThat(standsStill(20, true)).isFalse();
        sincePoll = -3_600;
        assertThat(standsStill(20, false)).isFalse();
    }

    @Test
    void onlyTimeInWhichKafkaAnswersCounts() {
        assertThat(standsStill(60, false)).isFalse();
        seconds += 30;
        sincePoll += 30;
        assertThat(standsStill(60, false)).isFalse();
        assertThat(standsStill(15, false)).isTrue();
    }
}
