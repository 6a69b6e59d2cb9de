package io.tidegrad.loadtests;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidegrad.model.learn.Tick;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.junit.jupiter.api.Test;

class PaymentsTest {
    @Test
    void aKeyTellsTheNumberOfItsPaymentAndOthersTellNone() {
        assertThat(Payments.number(Payments.bytes(Payments.id(4_711)))).isEqualTo(4_711);
        assertThat(Payments.number(Payments.bytes("first-3"))).isEqualTo(-1);
        assertThat(Payments.number(Payments.bytes("tx-"))).isEqualTo(-1);
        assertThat(Payments.number(null)).isEqualTo(-1);
    }

    @Test
    void onlyATickSaysUpToWhenAllIsOver() {
        ConsumerRecord<byte[], byte[]> record = new ConsumerRecord<>("payments", 0, 7, new byte[0], new byte[0]);
        assertThat(Payments.settled(record)).isEqualTo(Long.MIN_VALUE);
        record.headers().add(Tick.HEADER, Tick.headerValue(1_000));
        assertThat(Payments.settled(record)).isEqualTo(1_000);
    }
}
