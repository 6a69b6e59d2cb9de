package io.tidegrad.control;

import io.tidegrad.control.ControlException.Reason;
import io.tidegrad.schemas.Topics;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.common.errors.GroupIdNotFoundException;
import org.apache.kafka.common.errors.GroupNotEmptyException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;

/// Deletes what a model leaves on Kafka.
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
        Set<String> there = KafkaTopics.get(admin.listTopics().names());
        List<String> doomed = new ArrayList<>();
        doomed.add(topics.snapshots(model));
        for (int epoch = 1; epoch <= epochs; epoch++) {
            String group = topics.applicationId(model, epoch);
            deleteGroup(group);
            doomed.add(Topics.changelog(group));
        }
        doomed.retainAll(there);
        for (String topic : doomed) {
            try {
                KafkaTopics.get(admin.deleteTopics(List.of(topic)).all());
            } catch (UnknownTopicOrPartitionException gone) {
                // another process has deleted it
            }
        }
        return doomed;
    }

    private void deleteGroup(String group) {
        try {
            KafkaTopics.get(admin.deleteConsumerGroups(List.of(group)).all());
        } catch (GroupIdNotFoundException none) {
            // no trainer has learned this epoch
        } catch (GroupNotEmptyException e) {
            throw new ControlException(Reason.RETRYABLE, "group " + group
                    + ": expected no member, found one: a trainer still learns it. Stop it, then give the command"
                    + " again", e);
        }
    }
}
