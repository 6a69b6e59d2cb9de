package io.tidegrad.loadtests;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class LogOrderTest {
    @Test
    void timeGoesBackFromTheLargestSoFarAndOnByCommits() {
        LogOrder order = new LogOrder(2);
        order.add(0, 1_000);
        order.add(1, 1_700);
        order.add(2, 1_200); // back by 500
        order.add(4, 2_000); // the marker at 3: a commit that goes on by 300
        order.add(5, 1_100); // back by 900, from the largest and not from the one before
        order.add(7, 2_100);
        assertThat(order.back()).isEqualTo(900);
        assertThat(order.commit()).as("the first commit goes on from its first record").isEqualTo(700);
        assertThat(order.recordsOfACommit()).isEqualTo(3);
        assertThat(order.commits()).isEqualTo(3);
        assertThat(order.records()).isEqualTo(6);
        assertThat(order.places()).containsExactly(new StreamLoad.Place(2, 1_700, 0),
                new StreamLoad.Place(4, 2_000, 500), new StreamLoad.Place(6, 2_100, 900));
    }

    @Test
    void aTickDoesNotEndACommit() {
        LogOrder order = new LogOrder(10);
        order.add(0, 1_000);
        order.tick(1);
        order.add(2, 1_600);
        assertThat(order.commits()).isEqualTo(1);
        assertThat(order.records()).isEqualTo(2);
        assertThat(order.commit()).isEqualTo(600);
    }
}
