namespace Jitvmm.Inspector.Recording;

/// <summary>A block as it is found again: by place and bytes.</summary>
/// <param name="Index">Its number in the file.</param>
/// <param name="Before">Other bytes that were at the same place before.</param>
internal sealed record RecordedBlock(uint Index, RecordedBlock? Before);
