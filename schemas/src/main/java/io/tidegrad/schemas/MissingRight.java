package io.tidegrad.schemas;

import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.kafka.common.errors.GroupAuthorizationException;
import org.apache.kafka.common.errors.TopicAuthorizationException;
import org.apache.kafka.common.errors.TransactionalIdAuthorizationException;
import org.jspecify.annotations.Nullable;

/// Says which right Kafka's ACLs deny to one of its clients. Kafka names the resource at most, never the operation.
public final class MissingRight {
    /// How Kafka Streams says it of a topic of its own.
    private static final Pattern NOT_CREATED = Pattern.compile("Could not create topic (\\S+)\\.");

    private MissingRight() {}

    /// Returns what is missing by the innermost exception that is about a right; null if there is none.
    public static @Nullable String of(Throwable thrown) {
        String operation = "READ";
        String missing = null;
        String resource = null;
        for (Throwable at = thrown; at != null; at = at.getCause()) {
            String said = String.valueOf(at.getMessage());
            // How Kafka Streams and a producer begin what they tell of a record.
            if (said.contains("sending record") || said.contains("transactional method")) {
                operation = "WRITE";
            }
            Matcher creation = NOT_CREATED.matcher(said);
            if (creation.find()) {
                operation = "CREATE";
                resource = "topic " + creation.group(1);
            }
            missing = switch (at) {
                case TopicAuthorizationException e when said.startsWith("Not authorized") ->
                    text(operation, "topic " + String.join(", ", e.unauthorizedTopics()));
                case TopicAuthorizationException _ -> resource == null ? said : text(operation, resource);
                case GroupAuthorizationException _ when said.startsWith("expected the right") -> said;
                case GroupAuthorizationException _ -> text("READ", "the group") + ": " + said;
                case TransactionalIdAuthorizationException _ -> text("WRITE", "the transactional id");
                default -> missing;
            };
        }
        return missing;
    }

    /// Returns the exception of a transactional producer with the right in words.
    ///
    /// @param read the topic whose offsets it sends, which it only reads
    public static TopicAuthorizationException ofProducer(TopicAuthorizationException e, String read) {
        String operation = e.unauthorizedTopics().contains(read) ? "READ" : "WRITE";
        return new TopicAuthorizationException(text(operation, "topic " + String.join(", ", e.unauthorizedTopics())),
                e.unauthorizedTopics());
    }

    public static String text(String operation, String resource) {
        return "expected the right " + operation + " on " + resource + ", found that ACLs deny it";
    }
}
