using System.Runtime.CompilerServices;

namespace Jitvmm.Runtime.Paravirt;

/// <summary>Names under which features of an interface can be switched off.</summary>
/// <typeparam name="TFeatures">Flags of 32 bits.</typeparam>
/// <param name="everything">All features.</param>
/// <param name="names">Each name and what goes with it.</param>
public sealed class FeatureNames<TFeatures>(TFeatures everything, params (string Name, TFeatures Features)[] names)
    where TFeatures : struct, Enum
{
    public IReadOnlyList<string> All { get; } = Array.ConvertAll(names, static entry => entry.Name);

    /// <summary>All features but those of some names; unknown names take nothing away.</summary>
    public TFeatures AllBut(IReadOnlyList<string> left)
    {
        uint features = Unsafe.BitCast<TFeatures, uint>(everything);
        foreach ((string name, TFeatures those) in names)
        {
            if (left.Contains(name))
            {
                features &= ~Unsafe.BitCast<TFeatures, uint>(those);
            }
        }

        return Unsafe.BitCast<uint, TFeatures>(features);
    }
}
