package io.tidegrad.schemas;

import java.util.List;
import java.util.Map;
import org.apache.avro.Schema;
import org.jspecify.annotations.Nullable;

/// A schema registry by its Confluent REST API. Answers are cached: a schema id never changes its meaning.
public interface SchemaRegistry extends AutoCloseable {
    /// One attempt, all URLs together bounded by the request timeout; retrying is the caller's policy.
    ///
    /// @throws UnknownSchemaException the registry answered: no such id (404)
    /// @throws UnsupportedSchemaException it answered with something that is no Avro schema of one piece
    /// @throws RegistryUnavailableException no answer, a timeout, a 5xx, or an answer that is not a registry's
    Schema schemaById(int id);

    /// Returns the schema of an id if it is known without asking, otherwise null. Any thread may ask.
    default @Nullable Schema known(int id) {
        return null;
    }

    /// Registers (or finds) `schema` under `subject`, returns its id.
    ///
    /// @throws IncompatibleSchemaException the registry refused it (409, 422), with its reason
    /// @throws RegistryUnavailableException as above
    int register(String subject, Schema schema);

    /// The id of a schema that is registered under `subject` already.
    ///
    /// @throws UnknownSchemaException it is not
    /// @throws RegistryUnavailableException as above
    int idOf(String subject, Schema schema);

    /// The newest version of a subject. Not cached: it changes.
    ///
    /// @throws UnknownSchemaException the subject has none
    /// @throws UnsupportedSchemaException as above
    /// @throws RegistryUnavailableException as above
    Registered latestVersion(String subject);

    /// The versions of a subject that are not deleted, newest first, of the newest `most`. One that can't be read as a
    /// schema is left out. Not cached.
    ///
    /// @throws UnknownSchemaException the subject has none
    /// @throws UnsupportedSchemaException none can be read
    /// @throws RegistryUnavailableException as above
    List<Registered> versions(String subject, int most);

    /// The newest schema of a subject.
    default Schema latest(String subject) {
        return latestVersion(subject).schema();
    }

    @Override
    void close();

    /// Connects by Confluent's configuration keys (unknown keys are ignored, so a whole client configuration may be
    /// passed). Nothing is sent yet.
    ///
    /// | key | meaning | default |
    /// |---|---|---|
    /// | `schema.registry.url` | one URL or several, separated by commas, tried in turn; a path is kept (`http://127.0.0.1:8081/apis/ccompat/v7`); `mock://name` is a registry in this process's memory, for tests | required |
    /// | `basic.auth.credentials.source` | `USER_INFO` or `URL` (user and password in the URL) | none |
    /// | `basic.auth.user.info` | `user:password` | |
    /// | `http.connect.timeout.ms` | bound on connecting | 2000 |
    /// | `http.read.timeout.ms` | bound on a whole question, however many URLs are tried | 60000 |
    ///
    /// @throws IllegalArgumentException a setting is missing, malformed, or one we would have to ignore though it
    ///     matters for security; says which
    static SchemaRegistry connect(Map<String, ?> config) {
        return connect(config, RegistryPatience.UNBOUNDED);
    }

    /// As [#connect(Map)], for a caller whose own time is bounded.
    static SchemaRegistry connect(Map<String, ?> config, RegistryPatience patience) {
        RegistryConfig parsed = RegistryConfig.parse(config);
        return switch (parsed.memoryName()) {
            case null -> new RestSchemaRegistry(parsed, patience);
            case String name -> InMemorySchemaRegistry.named(name);
        };
    }

    /// Checks a configuration without connecting.
    ///
    /// @throws IllegalArgumentException as of `connect`
    static void check(Map<String, ?> config) {
        RegistryConfig.parse(config);
    }

    /// A schema and the id it travels under.
    record Registered(int id, Schema schema) {
    }

    /// Without a stack trace: a stream of events with an unknown id must not cost more than a stream of good ones.
    final class UnknownSchemaException extends RuntimeException {
        public UnknownSchemaException(String message) {
            super(message, null, false, false);
        }
    }

    /// Without a stack trace, likewise.
    final class UnsupportedSchemaException extends RuntimeException {
        public UnsupportedSchemaException(String message) {
            super(message, null, false, false);
        }
    }

    final class IncompatibleSchemaException extends RuntimeException {
        public IncompatibleSchemaException(String message) {
            super(message);
        }
    }

    class RegistryUnavailableException extends RuntimeException {
        public RegistryUnavailableException(String message, @Nullable Throwable cause) {
            super(message, cause);
        }
    }

    /// It answers, but not to us (401, 403): only other credentials can help.
    final class RegistryRefusedException extends RegistryUnavailableException {
        public RegistryRefusedException(String message) {
            super(message, null);
        }
    }
}
