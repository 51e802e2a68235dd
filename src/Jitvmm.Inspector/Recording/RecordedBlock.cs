using Jitvmm.Inspector.Files;
using Jitvmm.Runtime.CodeCache;

namespace Jitvmm.Inspector.Recording;

/// <summary>A block as it is recorded: what the file will have of it, and its bytes.</summary>
internal sealed class RecordedBlock(in CodeLocation location, byte[] code)
{
    /// <summary>What the file will have.</summary>
    public BlockRecord Record = new()
    {
        Address = location.Address,
        Physical = location.Physical,
        NextPage = location.NextPage,
        Mode = (ushort)location.Mode,
        CodeLength = (uint)code.Length,
    };

    public byte[] Code { get; } = code;

    /// <summary>Other bytes that were at the same place before.</summary>
    public RecordedBlock? Before { get; init; }

    /// <summary>Its number in the file.</summary>
    public uint Index { get; init; }
}
