package io.tidegrad.trainer.simulation;

import io.tidegrad.control.ReadCommitted;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.MockConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;

/// The trainer's private look-ups, on simulated topics. Each question lets time pass.
final class SimulatedReader extends ReadCommitted {
    private final SimulatedKafka kafka;
    private final SimulatedClock clock;

    SimulatedReader(SimulatedKafka kafka, SimulatedClock clock) {
        super(Map.of(), clock::nanos);
        this.kafka = kafka;
        this.clock = clock;
    }

    @Override
    protected Consumer<byte[], byte[]> open(TopicPartition partition, String isolation, Map<String, Object> more) {
        return new LookUp(kafka, clock, kafka.log(partition), isolation.equals("read_uncommitted"));
    }

    private static final class LookUp extends MockConsumer<byte[], byte[]> {
        private final SimulatedKafka kafka;
        private final SimulatedClock clock;
        private final SimulatedLog log;
        private long position;

        private final boolean seesAll;

        LookUp(SimulatedKafka kafka, SimulatedClock clock, SimulatedLog log, boolean seesAll) {
            super("none");
            this.seesAll = seesAll;
            this.kafka = kafka;
            this.clock = clock;
            this.log = log;
        }

        @Override
        public synchronized Map<TopicPartition, Long> beginningOffsets(Collection<TopicPartition> partitions) {
            return Map.of(log.partition(), 0L);
        }

        @Override
        public synchronized Map<TopicPartition, Long> endOffsets(Collection<TopicPartition> partitions) {
            kafka.pass();
            return Map.of(log.partition(), seesAll ? log.end() : log.lastStable());
        }

        @Override
        public synchronized void seek(TopicPartition partition, long offset) {
            position = offset;
        }

        @Override
        public synchronized void seekToBeginning(Collection<TopicPartition> partitions) {
            position = 0;
        }

        @Override
        public synchronized long position(TopicPartition partition) {
            return position;
        }

        @Override
        public synchronized ConsumerRecords<byte[], byte[]> poll(Duration timeout) {
            kafka.pass();
            long end = log.lastStable();
            List<ConsumerRecord<byte[], byte[]>> records = log.visible(position, 500);
            if (position >= end) {
                clock.pass(timeout); // nothing came
            }
            position = Math.max(position, end);
            return new ConsumerRecords<>(Map.of(log.partition(), records),
                    Map.of(log.partition(), new OffsetAndMetadata(position)));
        }

        @Override
        public synchronized void close() {
            // There is nothing to give back.
        }
    }
}
