package io.tidegrad.trainer;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidegrad.control.KafkaTopics;
import io.tidegrad.localstack.SharedStack;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.DescribeTopicsResult;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.common.config.TopicConfig;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;
import org.apache.kafka.common.internals.KafkaFutureImpl;
import org.junit.jupiter.api.Test;

class KafkaTopicsTest {
    private static final int UNKNOWN = 3; // times that the topic is looked for before the broker knows it, the first one included

    /// The controller answers that it has created a topic, and brokers learn of it later. A process that looks for the topic
    /// meanwhile takes it for deleted.
    @Test
    void aTopicIsCreatedOnlyWhenABrokerKnowsIt() {
        String topic = "known-" + UUID.randomUUID();
        AtomicInteger looks = new AtomicInteger();
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", SharedStack.get().bootstrapServers()))) {
            Admin late = (Admin) Proxy.newProxyInstance(Admin.class.getClassLoader(), new Class<?>[]{Admin.class},
                    (proxy, method, arguments) -> {
                        if (method.getName().equals("describeTopics") && looks.incrementAndGet() <= UNKNOWN) {
                            return unknown(topic);
                        }
                        try {
                            return method.invoke(admin, arguments);
                        } catch (InvocationTargetException e) {
                            throw e.getCause();
                        }
                    });
            KafkaTopics.Checked checked = new KafkaTopics(late, (short) -1).createOrCheck(
                    new KafkaTopics.Wanted(topic, TopicConfig.CLEANUP_POLICY_DELETE, 1_000_000, Map.of()));
            assertThat(looks).hasValueGreaterThan(UNKNOWN);
            assertThat(checked.created()).isTrue();
            assertThat(new KafkaTopics(admin, (short) -1).look(Set.of(topic), false).get(topic)).returns(checked.id(),
                    KafkaTopics.Found::id);
        }
    }

    private static DescribeTopicsResult unknown(String topic) {
        KafkaFutureImpl<TopicDescription> future = new KafkaFutureImpl<>();
        future.completeExceptionally(new UnknownTopicOrPartitionException("not yet"));
        return new DescribeTopicsResult(null, Map.of(topic, future)) {
        };
    }
}
