package io.tidegrad.process;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class LooksTest {
    private static final Duration OFTEN = Duration.ofMillis(5);

    private final Looks looks = new Looks();

    @AfterEach
    void close() {
        looks.close();
    }

    @Test
    void aLookThatFailedIsMadeAgain() {
        AtomicInteger made = new AtomicInteger();
        looks.every(OFTEN, "nothing can be seen", () -> {
            if (made.incrementAndGet() < 3) {
                throw new IllegalStateException("Kafka is away");
            }
        });
        await().atMost(Duration.ofMinutes(1)).until(() -> made.get() > 3);
    }

    @Test
    void aLookThatDoesNotEndKeepsNoOtherWaiting() {
        CompletableFuture<Void> never = new CompletableFuture<>();
        AtomicInteger made = new AtomicInteger();
        looks.every(OFTEN, "nothing can be seen", never::join);
        looks.every(OFTEN, "nothing can be seen", made::incrementAndGet);
        await().atMost(Duration.ofMinutes(1)).until(() -> made.get() > 2);
        never.complete(null);
    }

    /// The executor would keep it to itself, and the process would stay and look no more.
    @Test
    void aLookThatEndsWithAnErrorIsGivenToWhoEndsTheProcess() throws Exception {
        CompletableFuture<Throwable> given = new CompletableFuture<>();
        Thread.UncaughtExceptionHandler before = Thread.getDefaultUncaughtExceptionHandler();
        Thread.setDefaultUncaughtExceptionHandler((thread, thrown) -> given.complete(thrown));
        try {
            looks.every(OFTEN, "nothing can be seen", () -> {
                throw new NoClassDefFoundError("a jar was replaced");
            });
            assertThat(given.get(30, TimeUnit.SECONDS)).isInstanceOf(NoClassDefFoundError.class);
        } finally {
            Thread.setDefaultUncaughtExceptionHandler(before);
        }
    }
}
