package io.tidegrad.control;

import static org.assertj.core.api.Assertions.assertThat;

import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.junit.jupiter.api.Test;

class UnreadableRecordsTest {
    private static void read(UnreadableRecords unreadable, int from, int to) {
        for (int offset = from; offset < to; offset++) {
            unreadable.passOver(new ConsumerRecord<>("t", 0, offset, new byte[0], new byte[0]), "a test says so",
                    "none");
        }
    }

    @Test
    void eachRecordCountsOnceHoweverOftenTheTopicIsRead() {
        UnreadableRecords unreadable = new UnreadableRecords();
        read(unreadable, 0, 3_000);
        read(unreadable, 0, 3_002);
        assertThat(unreadable.count()).isEqualTo(3_002);
    }

    @Test
    void aTopicThatWasCreatedAgainCountsFromItsBeginning() {
        UnreadableRecords unreadable = new UnreadableRecords();
        read(unreadable, 500, 502);
        read(unreadable, 0, 3);
        assertThat(unreadable.count()).isEqualTo(5);
    }
}
