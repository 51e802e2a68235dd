using System.Numerics;
using System.Runtime.CompilerServices;
using Jitvmm.Devices.State;

namespace Jitvmm.Devices.Interrupts;

/// <summary>256 bits by vector: the local APIC's IRR, ISR and TMR.</summary>
internal struct VectorSet
{
    private Words _words;

    public readonly bool this[int vector] => (_words[vector >> 6] >> (vector & 63) & 1) != 0;

    public void Add(int vector) => _words[vector >> 6] |= 1ul << (vector & 63);

    public void Remove(int vector) => _words[vector >> 6] &= ~(1ul << (vector & 63));

    /// <summary>The highest vector in the set, or −1.</summary>
    public readonly int Highest
    {
        get
        {
            for (int i = 3; i >= 0; i--)
            {
                if (_words[i] != 0)
                {
                    return 64 * i + BitOperations.Log2(_words[i]);
                }
            }

            return -1;
        }
    }

    /// <summary>One of the eight 32-bit registers.</summary>
    public readonly uint Register(int index) => (uint)(_words[index >> 1] >> (32 * (index & 1)));

    public readonly void Save(StateWriter writer)
    {
        for (int i = 0; i < 4; i++)
        {
            writer.UInt64(_words[i]);
        }
    }

    public void Restore(StateReader reader)
    {
        for (int i = 0; i < 4; i++)
        {
            _words[i] = reader.UInt64();
        }
    }

    [InlineArray(4)]
    private struct Words
    {
        private ulong _first;
    }
}
