//! Getters of timestamps and durations.

use orkestra_program::function::Function;

use super::Called;
use crate::eval::Machine;
use crate::value::Value;
use crate::zone;

pub(super) fn call<'a>(m: &mut Machine<'a>, function: Function, arguments: &[Value<'a>]) -> Called<'a> {
    let (timestamp, offset) = match *arguments {
        [Value::Duration(nanos)] => return Ok(of_duration(function, nanos).map(Value::Int)),
        [Value::Timestamp(timestamp)] => (timestamp, 0),
        [Value::Timestamp(timestamp), Value::String(zone)] => match zone::offset(zone, timestamp) {
            Some(offset) => (timestamp, offset),
            None => return m.error("the time zone is neither an offset as `+02:00` nor a name as `Europe/Berlin`"),
        },
        _ => return Ok(None),
    };
    let civil = timestamp.civil(offset);
    let part = match function {
        Function::GetFullYear => civil.year,
        Function::GetMonth => i64::from(civil.month),
        Function::GetDayOfYear => i64::from(civil.day_of_year),
        Function::GetDayOfMonth => i64::from(civil.day),
        Function::GetDate => i64::from(civil.day) + 1,
        Function::GetDayOfWeek => i64::from(civil.day_of_week),
        Function::GetHours => i64::from(civil.hour),
        Function::GetMinutes => i64::from(civil.minute),
        Function::GetSeconds => i64::from(civil.second),
        Function::GetMilliseconds => i64::from(civil.nanos / 1_000_000),
        _ => return Ok(None),
    };
    Ok(Some(Value::Int(part)))
}

/// All of a duration in a unit; only milliseconds are those of its last second, as the language has it.
fn of_duration(function: Function, nanos: i64) -> Option<i64> {
    let seconds = nanos / 1_000_000_000;
    match function {
        Function::GetHours => Some(seconds / 3600),
        Function::GetMinutes => Some(seconds / 60),
        Function::GetSeconds => Some(seconds),
        Function::GetMilliseconds => Some(nanos / 1_000_000 % 1000),
        _ => None,
    }
}
