package io.tidegrad.scorerapp;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.tidegrad.localstack.SharedStack;
import io.tidegrad.schemas.SchemaRegistry;
import io.tidegrad.schemas.settings.RegistrySettings;
import java.time.Duration;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.avro.SchemaBuilder;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class EventFieldsTest {
    @Test
    void anErrorDoesNotEndTheAsking() {
        AtomicInteger asked = new AtomicInteger();
        try (EventFields _ = new EventFields(RegistrySettings.of(""), () -> {
            asked.incrementAndGet();
            throw new NoClassDefFoundError("its jar was replaced");
        })) {
            await().atMost(Duration.ofSeconds(30)).until(() -> asked.get() > 1);
        }
    }

    /// Until then it refuses whole events.
    @Test
    void theFieldsOfAModelsEventsAreKnownSoonAfterTheModelIsServed() {
        String topic = "soon-" + UUID.randomUUID();
        String url = SharedStack.get().registryUrl();
        try (SchemaRegistry registry = SchemaRegistry.connect(Map.of("schema.registry.url", url))) {
            registry.register(topic + "-value",
                    SchemaBuilder.record("Event").fields().requiredString("unread").endRecord());
        }
        Map<String, String> served = new ConcurrentHashMap<>();
        AtomicInteger asked = new AtomicInteger(); // while they are not known
        AtomicReference<@Nullable EventFields> all = new AtomicReference<>();
        try (EventFields fields = new EventFields(RegistrySettings.of(url), () -> {
            EventFields known = all.get();
            if (known == null || !known.has(topic, "unread")) {
                asked.incrementAndGet();
            }
            return Map.copyOf(served);
        })) {
            all.set(fields);
            await().atMost(Duration.ofMinutes(1)).until(() -> asked.get() > 0);
            served.put(topic, topic);
            int before = asked.get();
            await().atMost(Duration.ofMinutes(1)).until(() -> fields.has(topic, "unread"));
            assertThat(asked.get() - before).as("looks, each a second after the last; all models' come after 10")
                    .isLessThan(6);
        }
    }
}
