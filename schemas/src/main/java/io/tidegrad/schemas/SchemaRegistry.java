package io.tidegrad.schemas;

import org.apache.avro.Schema;

/// A schema registry by its Confluent REST API. Answers are cached: a schema id never changes its meaning.
public interface SchemaRegistry extends AutoCloseable {
    /// One attempt, bounded by the request timeout; retrying is the caller's policy.
    ///
    /// @throws UnknownSchemaException the registry answered: no such id (404)
    /// @throws RegistryUnavailableException no answer, a timeout, or a 5xx
    Schema schemaById(int id);

    /// Registers (or finds) `schema` under `subject`, returns its id.
    ///
    /// @throws IncompatibleSchemaException the registry refused it (409), with its reason
    /// @throws RegistryUnavailableException as above
    int register(String subject, Schema schema);

    /// The newest schema of a subject.
    Schema latest(String subject);

    @Override
    void close();

    /// @param url for instance http://127.0.0.1:8081/apis/ccompat/v7, or http://registry:8081
    static SchemaRegistry connect(java.util.Map<String, ?> config) {
        throw new UnsupportedOperationException();
    }

    final class UnknownSchemaException extends RuntimeException {
        public UnknownSchemaException(String message) {
            super(message);
        }
    }

    final class IncompatibleSchemaException extends RuntimeException {
        public IncompatibleSchemaException(String message) {
            super(message);
        }
    }

    final class RegistryUnavailableException extends RuntimeException {
        public RegistryUnavailableException(String message, Throwable cause) {
            super(message, cause);
        }
    }
}
