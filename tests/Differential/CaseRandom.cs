namespace Jitvmm.Tests.Differential;

/// <summary>SplitMix64: the whole test is a function of the seed, on every machine and runtime version.</summary>
public sealed class CaseRandom(ulong seed)
{
    private ulong _state = seed;

    public static ulong Mix(ulong value)
    {
        value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
        value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
        return value ^ (value >> 31);
    }

    public ulong Next()
    {
        _state += 0x9e3779b97f4a7c15;
        return Mix(_state);
    }

    /// <summary>Uniform in [0, bound).</summary>
    public int Below(int bound) => (int)(((Next() >> 32) * (ulong)bound) >> 32);

    public bool Percent(int chance) => Below(100) < chance;

    public T Pick<T>(ReadOnlySpan<T> items) => items[Below(items.Length)];

    public unsafe void Fill(byte* target, int length)
    {
        for (int i = 0; i < length; i += 8)
        {
            *(ulong*)(target + i) = Next();
        }
    }
}
