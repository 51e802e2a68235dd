namespace Jitvmm.Runtime.CodeCache;

/// <summary>Compares code locations. The comparers .NET makes for a type of ours are compiled at run time, which every start would pay for.</summary>
internal sealed class CodeLocationComparer : IEqualityComparer<CodeLocation>
{
    public bool Equals(CodeLocation x, CodeLocation y) =>
        x.Address == y.Address && x.Physical == y.Physical && x.NextPage == y.NextPage && (ushort)x.Mode == (ushort)y.Mode;

    /// <summary>Addresses differ in their low bits; the rest only where one address has several translations.</summary>
    public int GetHashCode(CodeLocation location) => (int)location.Address ^ (int)(location.Address >> 32) ^ (int)(location.Physical >> 12) ^ ((int)location.Mode << 20);
}
