/// What people decide about models: the records of the control topic, what they add up to, the catalog that is derived
/// from them, the commands that write both and the followers that read them. Also the readers of one-partition topics
/// that trainer, scorer and commands share.
@NullMarked
package io.tidegrad.control;

import org.jspecify.annotations.NullMarked;
