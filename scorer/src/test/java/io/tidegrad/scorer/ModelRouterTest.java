package io.tidegrad.scorer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.awaitility.Awaitility.await;

import io.tidegrad.control.Candidate;
import io.tidegrad.control.ControlAction;
import io.tidegrad.schemas.Topics;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/// Shadows and challengers beside the live model, decided on a real control topic.
@Execution(ExecutionMode.CONCURRENT)
class ModelRouterTest {
    private static final Duration SOON = Duration.ofSeconds(30);
    private static final List<String> KEYS = IntStream.range(0, 20_000).mapToObj(i -> "customer-" + i).toList();

    private final String model = TestBroker.newModelName();
    private final String other = TestBroker.newModelName();
    private final Topics topics = new Topics("t-" + UUID.randomUUID());
    private final TestPublisher ours = new TestPublisher(TestBroker.bootstrapServers(), topics, model);
    private final TestPublisher theirs = new TestPublisher(TestBroker.bootstrapServers(), topics, other);
    private final TestControl control = new TestControl(TestBroker.bootstrapServers(), topics);
    private final ModelRouter router = ModelRouter.open(TestBroker.options(model).withPrefix(topics.prefix()));

    @BeforeEach
    void publish() {
        ours.createTopic();
        theirs.createTopic();
        control.createTopic();
        ours.publish(TestTrainer.of(model).learn(10).publishFull());
    }

    @AfterEach
    void close() {
        router.close();
        ours.close();
        theirs.close();
        control.close();
    }

    private void publishOther() {
        theirs.publish(TestTrainer.of(other, 1, 4).learn(20).publishFull());
    }

    private void awaitTried(List<Candidate> candidates) {
        await().atMost(SOON).untilAsserted(() -> assertThat(router.trials().stream().map(ModelRouter.Trial::candidate))
                .as(router.live().status().toString()).containsExactlyElementsOf(candidates));
    }

    private void awaitReady() {
        await().atMost(SOON).until(
                () -> router.live().ready() && router.trials().stream().allMatch(tried -> tried.scorer().ready()));
    }

    private Set<String> keysOf(String answering) {
        return KEYS.stream().filter(key -> router.scorerFor(key).model().equals(answering))
                .collect(Collectors.toUnmodifiableSet());
    }

    private Candidate challenger(int share) {
        return new Candidate(other, Candidate.Role.CHALLENGER, share);
    }

    @Test
    void aChallengerAnswersForItsShareOfTheKeysAndKeepsThemWhenItGrows() {
        publishOther();
        control.decide(model, new ControlAction.Challenge(other, 1, 500));
        awaitTried(List.of(challenger(500)));
        awaitReady();
        Set<String> first = keysOf(other);
        // Six standard deviations of a fair draw of 20,000: 6 sqrt(0.05 0.95 / 20,000).
        assertThat(first.size() / (double) KEYS.size()).isCloseTo(0.05, within(0.0093));
        assertThat(keysOf(other)).isEqualTo(first);
        for (String key : KEYS) {
            assertThat(router.choiceFor(key).propensity()).isEqualTo(first.contains(key) ? 0.05 : 0.95);
        }
        assertThat(router.choiceFor((String) null).propensity()).as("no key, no split").isNull();

        control.decide(model, new ControlAction.Challenge(other, 1, 2_000));
        awaitTried(List.of(challenger(2_000)));
        Set<String> second = keysOf(other);
        assertThat(second).containsAll(first);
        assertThat(second.size() / (double) KEYS.size()).isCloseTo(0.2, within(0.017));
        assertThat(router.scorerFor((String) null)).isSameAs(router.live());
        Prediction prediction = router.scorerFor(first.iterator().next()).score(TestTrainer.event(1));
        assertThat(prediction.model()).isEqualTo(other);
    }

    @Test
    void aChallengerWithoutAVersionLeavesItsKeysToTheLiveModel() {
        control.decide(model, new ControlAction.Challenge(other, 1, Candidate.WHOLE));
        awaitTried(List.of(challenger(Candidate.WHOLE)));
        assertThat(keysOf(model)).hasSameSizeAs(KEYS);
        assertThat(router.choiceFor("a key").propensity()).isNull();
        publishOther();
        awaitReady();
        assertThat(keysOf(other)).hasSameSizeAs(KEYS);
    }

    @Test
    void aShadowHasNoKeysAndAWithdrawnModelIsClosed() {
        publishOther();
        control.decide(model, new ControlAction.Shadow(other, 1));
        awaitTried(List.of(new Candidate(other, Candidate.Role.SHADOW, 0)));
        awaitReady();
        assertThat(keysOf(model)).hasSameSizeAs(KEYS);
        Scorer shadow = router.trials().getFirst().scorer();
        assertThat(shadow.score(TestTrainer.event(1)).model()).isEqualTo(other);

        control.decide(model, new ControlAction.Challenge(other, 1, 100));
        awaitTried(List.of(challenger(100)));
        assertThat(router.trials().getFirst().scorer()).as("what is loaded stays loaded when the role changes")
                .isSameAs(shadow);

        control.decide(model, new ControlAction.Withdraw(other));
        awaitTried(List.of());
        await().atMost(SOON).until(() -> shadow.status().follower().equals("closed"));
    }

    @Test
    void aPromotedChallengerAnswersForAllKeysAndIsTriedNoMore() {
        publishOther();
        control.decide(model, new ControlAction.Challenge(other, 1, 100));
        awaitTried(List.of(challenger(100)));
        awaitReady();
        control.decide(model, new ControlAction.Promote(other, 1));
        awaitTried(List.of());
        await().atMost(SOON).until(() -> router.live().score(TestTrainer.event(1)).model().equals(other));
        assertThat(keysOf(model)).as("all by the live scorer of the name").hasSameSizeAs(KEYS);
    }

    @Test
    void aCandidateIsTheModelAndNotWhatWasPromotedToItsName() {
        publishOther();
        control.decide(other, new ControlAction.Promote(model, 1));
        control.decide(model, new ControlAction.Shadow(other, 1));
        awaitTried(List.of(new Candidate(other, Candidate.Role.SHADOW, 0)));
        awaitReady();
        assertThat(router.trials().getFirst().scorer().score(TestTrainer.event(1)).model()).isEqualTo(other);
    }
}
