package io.tidegrad.joiner.app;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.tidegrad.control.StreamAction;
import io.tidegrad.control.StreamState;
import io.tidegrad.joiner.app.StreamSlot.Doing;
import io.tidegrad.ops.security.ServerSecurity;
import io.tidegrad.process.ExitCode;
import io.tidegrad.process.OperationsServer;
import io.tidegrad.process.StopException;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.kafka.common.errors.SaslAuthenticationException;
import org.apache.kafka.common.errors.TopicAuthorizationException;
import org.junit.jupiter.api.Test;

/// Streams that can't begin, without a Kafka.
class StreamSlotTest {
    private static final StreamState.Epoch EPOCH = new StreamState.Epoch("payments",
            new StreamAction.Create(1, "", new StreamAction.Source("payments", "id", 1), null, "id", null), 0);

    private static ExitCode reason(RuntimeException refusal, boolean letIn) {
        CompletableFuture<StopException> reason = new CompletableFuture<>();
        StreamSlot slot = new StreamSlot(EPOCH, (epoch, failed) -> {
            throw refusal;
        }, () -> letIn, reason::complete);
        slot.start();
        slot.end(true);
        return reason.join().exitCode();
    }

    @Test
    void oneThatIsTriedAgainDoesNotMakeTheOthersLookUnwell() throws Exception {
        CompletableFuture<Void> never = new CompletableFuture<>();
        AtomicInteger tries = new AtomicInteger();
        StreamSlot retrying = new StreamSlot(EPOCH, (epoch, failed) -> {
            if (tries.getAndIncrement() > 0) {
                never.join();
            }
            throw new StopException(ExitCode.RETRYABLE, "Kafka is away");
        }, () -> false, why -> {
        });
        StreamSlot paused = new StreamSlot(EPOCH, (epoch, failed) -> {
            throw new IllegalStateException("it is paused");
        }, () -> false, why -> {
        });
        paused.pause();
        retrying.start();
        await().atMost(Duration.ofMinutes(1)).until(() -> tries.get() == 2);
        assertThat(retrying.doing()).isEqualTo(Doing.STARTING);
        try (OperationsServer server = JoinerOperations
                .start("127.0.0.1", 0, new ServerSecurity(null, null), () -> List.of(retrying, paused)).server()) {
            HttpResponse<String> health = JoinerTest.get(server.port(), "health");
            assertThat(health.statusCode()).isEqualTo(200);
            assertThat(health.body()).contains("DEGRADED", "retrying", "Kafka is away");
        } finally {
            retrying.end(true);
            never.complete(null);
        }
    }

    @Test
    void credentialsThatKafkaTookShortlyBeforeAreTriedAgain() {
        RuntimeException refusal = new SaslAuthenticationException("a password is being replaced");
        assertThat(reason(refusal, true)).isEqualTo(ExitCode.RETRYABLE);
        assertThat(reason(refusal, false)).isEqualTo(ExitCode.CONFIGURATION);
    }

    @Test
    void aRightThatNoJoinerOfTheStreamHasShownYetIsAMistakeInTheSettings() {
        assertThat(reason(new TopicAuthorizationException("payments"), true)).isEqualTo(ExitCode.CONFIGURATION);
    }
}
