package io.tidegrad.trainer.store;

import io.tidegrad.engine.model.Inspection;
import io.tidegrad.model.evaluation.ChangeAlarm;
import io.tidegrad.model.evaluation.ProgressiveEvaluation;
import io.tidegrad.model.evaluation.ServedEvaluation;
import io.tidegrad.model.evaluation.Signal;
import io.tidegrad.model.evaluation.SliceEvaluation;
import io.tidegrad.model.feature.LearnedClasses;
import io.tidegrad.model.learn.OnlineModel;
import io.tidegrad.model.stream.Served;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Measures of a model at one watermark. A replay of the log up to `nextOffset` must give the same hashes.
///
/// @param quarantined events of the epoch that the spec's quarantine refused
/// @param reactions how often the model has reacted to a change of its error, as the spec's on-change says
/// @param raisedFor how many more examples the rate is raised for
/// @param served how good what was served turned out to be, by epoch and stage, newest epoch first
/// @param servedVersions the same by range of versions
/// @param servedUnreadable examples that say they were served, but not what, or with a number that is not finite
/// @param servedForgotten labels of what epochs served that are no longer kept
/// @param window measures of the newest labels by name, see [io.tidegrad.model.evaluation.RecentEvaluation#MEASURES]
/// @param period the same of the spec's period of event time, see [io.tidegrad.model.evaluation.RecentEvaluation#period]
/// @param readings what is said of each signal that is watched
/// @param arrival how the labels of a stream come, see [io.tidegrad.model.evaluation.LabelArrival#measures]
/// @param classes names of the classes that were learned, each at its index; empty where the spec says what they are
/// @param classRoom how many there is room for; 0 where the spec says what they are
/// @param classesRefused events that were refused because there was no room for their class
/// @param slices measures by the most frequent values of the spec's slices
/// @param inspection what the network was like inside when progress was written last, perhaps at an earlier watermark; null
///     before that
public record Report(long nextOffset, long version, String weightsHash, String stateHash, double logLoss,
        double priorLogLoss, double accuracy, double accuracyLast2000, double auc, double meanSquaredError,
        double priorMeanSquaredError, double meanAbsoluteError, long quarantined, long reactions, long raisedFor,
        List<ServedEvaluation.Figures> served, List<ServedEvaluation.Figures> servedVersions, long servedUnreadable,
        long servedForgotten, Map<String, Double> window, Map<String, Double> period,
        List<ChangeAlarm.Reading> readings, Map<String, Double> arrival, List<String> classes, int classRoom,
        long classesRefused, List<SliceEvaluation.Slice> slices, @Nullable Inspection inspection) {
    public Report {
        served = List.copyOf(served);
        servedVersions = List.copyOf(servedVersions);
        window = Collections.unmodifiableMap(window); // in its order
        period = Collections.unmodifiableMap(period);
        readings = List.copyOf(readings);
        arrival = Collections.unmodifiableMap(arrival);
        classes = List.copyOf(classes);
        slices = List.copyOf(slices);
    }

    /// Makes a report, for which it hashes the whole model: milliseconds for a small one, about a second for a
    /// gigabyte.
    public static Report of(OnlineModel model, long nextOffset) {
        ProgressiveEvaluation evaluation = model.evaluation();
        LearnedClasses classes = model.classes();
        String weightsHash = model.weightsHash();
        return new Report(nextOffset, model.parameters().updates(), weightsHash, model.stateHash(weightsHash),
                evaluation.logLoss(), evaluation.priorLogLoss(), evaluation.accuracy(), evaluation.accuracyLast2000(),
                evaluation.auc(), evaluation.meanSquaredError(), evaluation.priorMeanSquaredError(),
                evaluation.meanAbsoluteError(), model.quarantined(), model.reactions(), model.raisedFor(),
                model.served().stages(), model.served().ranges(), model.served().unreadableCount(),
                model.served().forgottenCount(), evaluation.recent().measures(), evaluation.recent().period(),
                evaluation.recent().readings(), model.arrival().measures(),
                classes == null ? List.of() : classes.names(), classes == null ? 0 : classes.room(),
                classes == null ? 0 : classes.refused(), evaluation.recent().slices(), null);
    }

    public Report with(@Nullable Inspection inspection) {
        return new Report(nextOffset, version, weightsHash, stateHash, logLoss, priorLogLoss, accuracy,
                accuracyLast2000, auc, meanSquaredError, priorMeanSquaredError, meanAbsoluteError, quarantined,
                reactions, raisedFor, served, servedVersions, servedUnreadable, servedForgotten, window, period,
                readings, arrival, classes, classRoom, classesRefused, slices, inspection);
    }

    /// Returns the alarms that are on.
    public List<ChangeAlarm.Reading> alarms() {
        return readings.stream().filter(ChangeAlarm.Reading::isOn).toList();
    }

    /// Returns what is said of a signal; null if there is none.
    public ChangeAlarm.@Nullable Reading reading(Signal signal) {
        return readings.stream().filter(each -> each.signal().equals(signal)).findFirst().orElse(null);
    }

    /// Returns the figures of the newest epoch that has served; null if this stage has none.
    public ServedEvaluation.@Nullable Figures servedNow(Served.Stage stage) {
        for (ServedEvaluation.Figures each : served) {
            if (each.epoch() == served.getFirst().epoch() && each.stage() == stage) {
                return each;
            }
        }
        return null;
    }
}
