package io.tidegrad.trainer.publish;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class RepublishOrderTest {
    private final RepublishOrder order = new RepublishOrder();

    @Test
    void anOrderWhoseTransactionIsLostIsFollowedInTheNextLife() {
        RepublishOrder.Follower lost = order.follower();
        order.give();
        lost.followed();
        assertThat(lost.isGiven()).isFalse();

        assertThat(order.follower().isGiven()).isTrue();
    }

    @Test
    void anOrderIsDoneWithOnceItsTransactionIsCommitted() {
        RepublishOrder.Follower publisher = order.follower();
        order.give();
        publisher.followed();
        publisher.committed();

        assertThat(order.follower().isGiven()).isFalse();
    }

    @Test
    void anOrderGivenWhileAnotherIsBeingFollowedIsFollowedToo() {
        RepublishOrder.Follower publisher = order.follower();
        order.give();
        publisher.followed();
        order.give();
        publisher.committed();

        assertThat(publisher.isGiven()).isTrue();
        assertThat(order.follower().isGiven()).isTrue();
    }
}
