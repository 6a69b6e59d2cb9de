package io.tidegrad.scorer;

import java.util.List;

/// A prediction, and what each feature of the record adds to it, in logits (of a regression in what its link is applied
/// to): the difference to the same record with this feature alone put back to neutral. Neutral is, for a standardised
/// number, the mean of what the model has learned; for another number and for pixels 0; for a category, a cross, parts
/// of a time and a list that its field is missing.
///
/// In a linear model the baseline and all contributions add up to the logits, to within float sums. In a deeper network
/// features act together, and what is left over says how much.
///
/// @param prediction with the version that answered
/// @param logits of the record, one an output
/// @param baseline logits of a record of which every feature is neutral
/// @param contributions in the spec's order of features
public record Explanation(Prediction prediction, float[] logits, float[] baseline, List<Contribution> contributions) {
    public Explanation {
        contributions = List.copyOf(contributions);
    }

    /// @param fields of the record that the feature reads
    /// @param kind of feature, as in the spec: `number`, `category`, `cross`, …
    /// @param logits one an output
    public record Contribution(List<String> fields, String kind, float[] logits) {
        public Contribution {
            fields = List.copyOf(fields);
        }
    }
}
