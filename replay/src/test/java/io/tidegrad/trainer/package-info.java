/// Tests of the trainer that use a replay or a verification as the second witness. They share the trainer's package
/// because they start trainers by means that no other code has, and lie here because the trainer does not know replay.
@NullMarked
package io.tidegrad.trainer;

import org.jspecify.annotations.NullMarked;
