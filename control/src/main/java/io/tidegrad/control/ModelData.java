package io.tidegrad.control;

import io.tidegrad.control.ControlException.Reason;
import io.tidegrad.schemas.Topics;
import java.util.ArrayList;
import java.util.List;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.common.acl.AclOperation;
import org.apache.kafka.common.errors.GroupIdNotFoundException;
import org.apache.kafka.common.errors.GroupNotEmptyException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;

/// Deletes what a model, or an epoch of a stream, leaves on Kafka.
public final class ModelData {
    private final Topics topics;
    private final Admin admin;

    public ModelData(Topics topics, Admin admin) {
        this.topics = topics;
        this.admin = admin;
    }

    /// Deletes snapshots, changelogs and groups of a model that no trainer learns any more. Events, dead letters and
    /// progress stay.
    ///
    /// @param epochs the number of epochs that the model has had
    /// @return the topics that were deleted
    /// @throws ControlException if a trainer learns it
    public List<String> delete(String model, int epochs) {
        List<String> doomed = new ArrayList<>();
        doomed.add(topics.snapshots(model));
        for (int epoch = 1; epoch <= epochs; epoch++) {
            String group = topics.applicationId(model, epoch);
            deleteGroup(group, "a trainer still learns it");
            doomed.add(Topics.changelog(group));
        }
        return deleteTopics(doomed);
    }

    /// Deletes examples, group, repartition topics and changelogs of an epoch that no joiner joins any more. Events, labels
    /// and dead letters stay.
    ///
    /// @return the topics that were deleted
    /// @throws ControlException if a joiner joins it
    public List<String> deleteOfStream(String stream, int epoch) {
        String application = topics.joinerApplicationId(stream, epoch);
        deleteGroup(application, "a joiner still joins it");
        return deleteTopics(List.of(Topics.joinerChangelog(application), Topics.joinerRepartition(application),
                topics.examples(stream, epoch)));
    }

    /// Returns those of the topics that were there.
    private List<String> deleteTopics(List<String> doomed) {
        List<String> deleted = new ArrayList<>();
        for (String topic : doomed) {
            try {
                KafkaTopics.asked(AclOperation.DELETE, topic, admin.deleteTopics(List.of(topic)).all());
                deleted.add(topic);
            } catch (UnknownTopicOrPartitionException gone) {
                // it never was, or another process has deleted it
            }
        }
        return deleted;
    }

    /// @param used what it means if the group has a member, for people
    private void deleteGroup(String group, String used) {
        try {
            KafkaTopics.askedOfGroup(AclOperation.DELETE, group, admin.deleteConsumerGroups(List.of(group)).all());
        } catch (GroupIdNotFoundException none) {
            // no process has had this epoch
        } catch (GroupNotEmptyException e) {
            throw new ControlException(Reason.RETRYABLE, "group " + group + ": expected no member, found one: " + used
                    + ". Stop it, then give the command again", e);
        }
    }
}
