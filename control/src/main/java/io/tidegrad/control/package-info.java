/// Decisions about models: the records of the control topic, the state that follows from them, the catalog that is
/// derived from them, the commands that write both and the followers that read them. Also the readers of one-partition
/// topics that trainer, scorer and commands share.
@NullMarked
package io.tidegrad.control;

import org.jspecify.annotations.NullMarked;
