package io.tidegrad.localstack;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/// A real Kafka and a real schema registry on this machine, without containers: the [KafkaProvider] of the quick start
/// and the tests. Both start at the same time, in a few seconds.
public final class LocalStack implements KafkaProvider {
    private final @Nullable FileChannel directoryLock;
    private final Kafka kafka;
    private final RegistryProcess registry;

    private LocalStack(@Nullable FileChannel directoryLock, Kafka kafka, RegistryProcess registry) {
        this.directoryLock = directoryLock;
        this.kafka = kafka;
        this.registry = registry;
    }

    /// Kafka, in this process or in child JVMs.
    sealed interface Kafka extends AutoCloseable permits EmbeddedBroker, BrokerCluster {
        String bootstrapServers();

        @Override
        void close();
    }

    /// Returns when both answer.
    ///
    /// @throws LocalStackException a port or the directory is taken, or one of the two did not start; nothing is left
    ///     running
    public static LocalStack start(LocalStackOptions options) {
        // Fails before anything is started if the registry is not there.
        RegistryProcess.home();
        Ports.requireFree(options.kafkaPort(), "Kafka broker", Ports.KAFKA_OPTION);
        Ports.requireFree(options.registryPort(), "schema registry", Ports.REGISTRY_OPTION);
        FileChannel lock = lock(options.directory());
        CompletableFuture<RegistryProcess> registry = inBackground(() -> RegistryProcess.start(options.registry()));
        CompletableFuture<Kafka> kafka = inBackground(() -> options.kafkaAsChild()
                ? BrokerCluster.start(options.broker()) : EmbeddedBroker.start(options.broker()));
        try {
            return new LocalStack(lock, kafka.join(), registry.join());
        } catch (CompletionException failed) {
            // The other one may still be starting; it is closed as soon as it has started.
            closeOnceStarted(registry, RegistryProcess::close);
            closeOnceStarted(kafka, Kafka::close);
            release(lock);
            if (failed.getCause() instanceof RuntimeException cause) {
                throw cause;
            }
            throw failed;
        }
    }

    private static <T> CompletableFuture<T> inBackground(Supplier<T> start) {
        return CompletableFuture.supplyAsync(start, task -> Thread.ofPlatform().name("start-local-stack").start(task));
    }

    private static <T> void closeOnceStarted(CompletableFuture<T> started, Consumer<T> close) {
        T other;
        try {
            other = started.join();
        } catch (CompletionException failedToo) {
            return;
        }
        close.accept(other);
    }

    // Kafka has its own lock but reports it with a stack trace, and the registry has none.
    private static @Nullable FileChannel lock(@Nullable Path directory) {
        if (directory == null) {
            return null;
        }
        Path file = directory.resolve("local-stack.lock");
        try {
            Files.createDirectories(directory);
            FileChannel channel = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
            if (channel.tryLock() != null) {
                return channel;
            }
            channel.close();
        } catch (OverlappingFileLockException usedByThisProcess) {
            // Handled below with the same message.
        } catch (IOException e) {
            throw new LocalStackException("can't use the directory " + directory + ": " + e, e);
        }
        throw new LocalStackException(directory + " is in use by another local-stack (it holds " + file
                + "): stop that one, or use another directory");
    }

    private static void release(@Nullable FileChannel lock) {
        if (lock != null) {
            try {
                lock.close();
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }

    @Override
    public String bootstrapServers() {
        return kafka.bootstrapServers();
    }

    @Override
    public String registryUrl() {
        return registry.url();
    }

    /// The registry's process, for tests that inspect or end it. Otherwise it ends with the stack.
    public RegistryProcess registry() {
        return registry;
    }

    /// The process of the only broker, or of the first one.
    ///
    /// @throws IllegalStateException Kafka runs in this process: start with `withKafkaAsChild()`
    public BrokerProcess brokerProcess() {
        return brokers().node(0);
    }

    /// The brokers' processes.
    ///
    /// @throws IllegalStateException Kafka runs in this process: start with `withKafkaAsChild()`
    public BrokerCluster brokers() {
        if (kafka instanceof BrokerCluster cluster) {
            return cluster;
        }
        throw new IllegalStateException("Kafka runs in this process, not as a child");
    }

    @Override
    public void close() {
        try {
            registry.close();
        } finally {
            try {
                kafka.close();
            } finally {
                release(directoryLock);
            }
        }
    }
}
