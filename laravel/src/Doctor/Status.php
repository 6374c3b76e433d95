<?php

namespace Pogo\Doctor;

enum Status
{
    case Right;
    /** It may be meant so. */
    case Doubtful;
    case Wrong;
    /** It could not be found out from here. */
    case Skipped;
}
