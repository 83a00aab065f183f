use crate::choices::Choices;
pub(crate) fn run(_choices: &mut Choices) -> u64 {
    1
}
