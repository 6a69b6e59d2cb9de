package io.tidegrad.scorer;

import java.util.List;

/// A prediction and what each feature of the record adds to it. A contribution is a difference of logits (for a
/// regression, of the values to which its link is applied): that of the record minus that of the same record with only
/// this feature set to neutral. Neutral is the learned mean for a standardised number, 0 for another number and for
/// pixels, and a missing field for a category, a cross, a part of a time and a list.
///
/// In a linear model the baseline and all contributions add up to the logits, within the rounding of float sums. In a
/// deeper network features act together, and the remainder says how much.
///
/// @param prediction prediction with its version
/// @param logits logits of the record, one for each output
/// @param baseline logits of a record whose features are all neutral
/// @param contributions one for each feature, in the order of the spec
public record Explanation(Prediction prediction, float[] logits, float[] baseline, List<Contribution> contributions) {
    public Explanation {
        contributions = List.copyOf(contributions);
    }

    /// @param fields of the record that the feature reads
    /// @param kind of feature, as in the spec: `number`, `category`, `cross`, …
    /// @param logits one for each output
    public record Contribution(List<String> fields, String kind, float[] logits) {
        public Contribution {
            fields = List.copyOf(fields);
        }
    }
}
