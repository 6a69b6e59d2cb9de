package io.tidegrad.ops.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;

class SharedAnswerTest {
    @Test
    void whoAsksWhileOneIsMadeSharesTheNext() throws Exception {
        AtomicInteger made = new AtomicInteger();
        AtomicInteger asked = new AtomicInteger();
        CountDownLatch all = new CountDownLatch(1);
        SharedAnswer<Integer> answer = new SharedAnswer<>(() -> {
            int number = made.incrementAndGet();
            try {
                all.await();
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
            return number;
        });
        try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            Future<Integer> first = threads.submit(answer::get);
            Awaitility.await().atMost(Duration.ofMinutes(1)).until(() -> made.get() == 1);
            List<Future<Integer>> others = new ArrayList<>();
            for (int i = 0; i < 200; i++) {
                others.add(threads.submit(() -> {
                    asked.incrementAndGet();
                    return answer.get();
                }));
            }
            Awaitility.await().atMost(Duration.ofMinutes(1)).until(() -> asked.get() == 200 && answer.waiting() == 200);
            all.countDown();
            assertThat(first.get(1, TimeUnit.MINUTES)).isEqualTo(1);
            for (Future<Integer> other : others) {
                assertThat(other.get(1, TimeUnit.MINUTES)).isEqualTo(2);
            }
        }
        assertThat(answer.get()).isEqualTo(3);
    }

    @Test
    void aMakingThatFailsIsNobodysAnswer() {
        AtomicInteger made = new AtomicInteger();
        SharedAnswer<Integer> answer = new SharedAnswer<>(() -> {
            if (made.incrementAndGet() == 1) {
                throw new IllegalStateException("once");
            }
            return made.get();
        });
        assertThatThrownBy(answer::get).hasMessage("once");
        assertThat(answer.get()).isEqualTo(2);
    }
}
