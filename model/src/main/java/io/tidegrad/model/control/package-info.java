/// What people decide about models, as records of the control topic.
@NullMarked
package io.tidegrad.model.control;

import org.jspecify.annotations.NullMarked;
